import {
  type AnswerRequest,
  InferenceError,
  type Resume,
  type ResumeForm,
  type Usage,
} from '../../protocol/index.ts'
import { type Scope, Superseded } from '../../timing/index.ts'
import type { AttemptEvent } from '../attempt/index.ts'
import {
  type AnswerChunk,
  type AnswerEvent,
  type AnswerPiece,
  type AttemptNote,
  type DeliveredChunk,
  isVisible,
  type Journal,
  type ResumeMode,
  shownBytes,
  type ToolCallDelivery,
  tokensOf,
} from '../request/index.ts'
import { callerUsage } from './caller-usage.ts'
import { continuationOf } from './continuation.ts'
import { HeldCalls } from './held-calls.ts'
import { Transcript } from './transcript.ts'

/** Times that one answer is continued: each costs the whole prompt again. */
const MAX_RESUMES = 2

export interface SoleAnswerInit {
  /** The peer id that events carry. */
  readonly peerId: string
  readonly request: AnswerRequest
  readonly resume: ResumeMode
  readonly journal: Journal
  readonly toolCalls: ToolCallDelivery
  readonly estimatedPromptTokens: number
  /** What the caller has of the answer from elsewhere. */
  readonly delivered?: readonly DeliveredChunk[] | undefined
  /** Whether the source continues answers of these forms from their text. */
  readonly continues: (forms: readonly ResumeForm[]) => boolean
  readonly attempt: (options: {
    readonly signal: AbortSignal
    readonly resume?: Resume
  }) => AsyncGenerator<readonly AttemptEvent[], void, void>
  /** Maps a failure to the error for the caller. */
  readonly failure: (error: InferenceError) => InferenceError
}

/**
 * An answer of one source, without hedges. If it breaks off, the source is asked to continue it, or to begin it again if the
 * caller has nothing of it.
 *
 * @throws InferenceError as `failure` maps it; the scope's reason if the scope ended
 */
export async function* soleAnswer(
  init: SoleAnswerInit,
  scope: Scope,
): AsyncGenerator<AnswerEvent, void, void> {
  const answer = new SoleAnswer(init)
  let start = init.delivered === undefined ? FROM_START : answer.nextStart()
  if (start === undefined) throw init.failure(cannotContinue())
  let broken: InferenceError | undefined
  for (let resumes = 0; ; resumes += 1) {
    const note = answer.begin(start, resumes > 0)
    try {
      yield* answer.part(start, note, scope)
      return
    } catch (error) {
      scope.signal.throwIfAborted()
      const failure = init.failure(cut(InferenceError.from(error, 'engine_failed'), note))
      note.end(failure.code, failure.message)
      // A source that refuses to continue, or cannot, must not hide why it was asked to.
      if (note.ttftMs === undefined) throw broken === undefined ? failure : joined(broken, failure)
      broken = failure
      start = resumes < MAX_RESUMES && mayRecur(failure) ? answer.nextStart() : undefined
      if (start === undefined) throw failure
    } finally {
      leave(note, scope.signal)
    }
  }
}

/** Where an attempt begins. `resume` is absent if it writes the answer from its start. */
interface Start {
  readonly resume?: Resume
}

const FROM_START: Start = {}

/** What the caller has of an answer, over all attempts. */
class SoleAnswer {
  readonly #init: SoleAnswerInit
  readonly #transcript = new Transcript()
  readonly #calls = new HeldCalls()
  #shownBytes = 0
  #tokensBefore = 0

  constructor(init: SoleAnswerInit) {
    this.#init = init
    for (const { chunk } of init.delivered ?? []) {
      const piece = { chunk, visible: isVisible(chunk), tokenIds: [], logprobs: [] }
      this.#transcript.count(piece, false)
      this.#show(chunk)
    }
  }

  /** Where the next attempt begins; undefined if the source cannot give the rest of the answer. */
  nextStart(): Start | undefined {
    const { request, resume, continues } = this.#init
    const how = continuationOf(request, this.#transcript, resume)
    if (how.type !== 'resume') return undefined
    if (how.unseen) return FROM_START
    return how.byText !== undefined && continues(how.forms) ? { resume: how.byText } : undefined
  }

  begin({ resume }: Start, isLater: boolean): AttemptNote {
    const { journal, peerId } = this.#init
    const isFirst = !isLater && resume === undefined
    if (isFirst) return journal.begin({ peerId, reason: 'first' })
    journal.resumes += 1
    // A call is written from its start.
    this.#calls.drop()
    this.#transcript.continueFromText()
    this.#tokensBefore = this.#transcript.tokens
    if (resume === undefined) return journal.begin({ peerId, reason: 'resume', seam: 'start' })
    journal.exact = false
    const seam = this.#init.request.kind === 'chat' ? 'message' : 'text'
    return journal.begin({ peerId, reason: 'resume', seam, exact: false })
  }

  async *part(
    start: Start,
    note: AttemptNote,
    { signal }: Pick<Scope, 'signal'>,
  ): AsyncGenerator<AnswerEvent, void, void> {
    for await (const events of this.#init.attempt({ signal, ...start })) {
      note.accepted = true
      for (const event of events) yield* this.#shown(event, note)
    }
  }

  *#shown(event: AttemptEvent, note: AttemptNote): Generator<AnswerEvent, void, void> {
    const { peerId } = this.#init
    if (event.type === 'chunk') {
      const shown = this.#take(event, note)
      if (this.#calls.holds) yield { type: 'writing' }
      for (const chunk of shown) yield { type: 'chunk', peerId, chunk }
    } else if (event.type === 'done') {
      const usage = this.#usage(event.usage, note)
      note.end('answered')
      yield { type: 'done', peerId, usage, timings: event.timings }
    }
  }

  /** What the caller gets of a piece. */
  #take(piece: AnswerPiece, note: AttemptNote): readonly AnswerChunk[] {
    const { toolCalls, journal } = this.#init
    const shown = toolCalls === 'whole' ? this.#calls.pass(piece.chunk) : [piece.chunk]
    this.#transcript.count(piece, false, this.#calls.holds)
    for (const chunk of shown) this.#show(chunk)
    if (piece.visible) {
      note.ttftMs ??= note.elapsedMs
      note.tokens += tokensOf(piece)
      note.deliveredTokens += tokensOf(piece)
      journal.delivered()
    }
    return shown
  }

  #show(chunk: AnswerChunk): void {
    this.#transcript.show(chunk)
    this.#shownBytes += shownBytes(chunk)
  }

  /** Usage is estimated if the source reports no prompt tokens, as every prompt has some. */
  #usage(reported: Usage, note: AttemptNote): Usage {
    const { journal, estimatedPromptTokens } = this.#init
    const isCounted = reported.promptTokens > 0
    const counted = isCounted
      ? reported
      : {
          promptTokens: estimatedPromptTokens,
          completionTokens: Math.max(reported.completionTokens, note.tokens),
          cachedPromptTokens: 0,
        }
    if (isCounted) note.usage = counted
    journal.usage =
      this.#tokensBefore === 0
        ? counted
        : callerUsage(counted, this.#transcript, {
            tokensBefore: this.#tokensBefore,
            shownBytes: this.#shownBytes,
            estimatedPromptTokens,
          })
    journal.usageEstimated = !isCounted
    return journal.usage
  }
}

/** Whether asking again may help. */
function mayRecur({ code, traits }: InferenceError): boolean {
  return traits.kind !== 'claim' && code !== 'cancelled' && code !== 'deadline_exceeded'
}

function cannotContinue(): InferenceError {
  return new InferenceError('not_resumable', 'it does not continue an answer of this form')
}

function joined(broken: InferenceError, later: InferenceError): InferenceError {
  const message = `${broken.message}; it could not be continued: ${later.message}`
  return new InferenceError(broken.code, message, { cause: later, details: broken.details })
}

/** An engine failure in mid-answer is reported as a truncated answer. */
function cut(error: InferenceError, note: AttemptNote): InferenceError {
  return note.ttftMs !== undefined && error.code === 'engine_failed'
    ? new InferenceError('truncated', `the answer broke off: ${error.message}`)
    : error
}

/** An answer that another one overtook was read only up to its first piece, which was never shown. */
function leave(note: AttemptNote, { aborted, reason }: AbortSignal): void {
  const cancelled = aborted && !(reason instanceof Superseded)
  if (!cancelled) note.deliveredTokens = 0
  note.end(cancelled ? InferenceError.from(reason, 'cancelled').code : 'superseded')
}
