import { InferenceError, type Usage } from '../../protocol/index.ts'
import { type Scope, Superseded } from '../../timing/index.ts'
import type { AttemptEvent } from '../attempt/index.ts'
import {
  type AnswerEvent,
  type AnswerPiece,
  type AttemptNote,
  type Journal,
  type ToolCallDelivery,
  tokensOf,
} from '../request/index.ts'
import { HeldCalls } from './held-calls.ts'

export interface SoleAnswerInit {
  /** The peer id that events carry. */
  readonly peerId: string
  readonly journal: Journal
  readonly toolCalls: ToolCallDelivery
  readonly estimatedPromptTokens: number
  readonly attempt: (options: {
    readonly signal: AbortSignal
  }) => AsyncGenerator<AttemptEvent, void, void>
  /** Maps a failure to the error for the caller. */
  readonly failure: (error: InferenceError) => InferenceError
}

/**
 * An answer by one attempt, without retry, hedge or resume.
 *
 * @throws InferenceError as `failure` maps it; the scope's reason if the scope ended
 */
export async function* soleAnswer(
  init: SoleAnswerInit,
  scope: Scope,
): AsyncGenerator<AnswerEvent, void, void> {
  const { peerId, journal } = init
  const note = journal.begin({ peerId, reason: 'first' })
  const calls = new HeldCalls()
  try {
    for await (const event of init.attempt(scope)) {
      note.accepted = true
      if (event.type === 'chunk') {
        take(event, note, journal)
        const shown = init.toolCalls === 'whole' ? calls.pass(event.chunk) : [event.chunk]
        if (calls.holds) yield { type: 'writing' }
        for (const chunk of shown) yield { type: 'chunk', peerId, chunk }
      } else if (event.type === 'done') {
        const usage = usageOf(event.usage, note, init)
        note.end('answered')
        yield { type: 'done', peerId, usage, timings: event.timings }
      }
    }
  } catch (error) {
    scope.signal.throwIfAborted()
    const failure = init.failure(cut(InferenceError.from(error, 'engine_failed'), note))
    note.end(failure.code, failure.message)
    throw failure
  } finally {
    leave(note, scope.signal)
  }
}

function take(piece: AnswerPiece, note: AttemptNote, journal: Journal): void {
  if (!piece.visible) return
  note.ttftMs ??= note.elapsedMs
  note.tokens += tokensOf(piece)
  note.deliveredTokens += tokensOf(piece)
  journal.delivered()
}

/** Usage is estimated if the source reports no prompt tokens, as every prompt has some. */
function usageOf(reported: Usage, note: AttemptNote, init: SoleAnswerInit): Usage {
  const { journal, estimatedPromptTokens } = init
  const counted = reported.promptTokens > 0
  const usage = counted
    ? reported
    : {
        promptTokens: estimatedPromptTokens,
        completionTokens: Math.max(reported.completionTokens, note.tokens),
        cachedPromptTokens: 0,
      }
  if (counted) note.usage = usage
  journal.usage = usage
  journal.usageEstimated = !counted
  return usage
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
