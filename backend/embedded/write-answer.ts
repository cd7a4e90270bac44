import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp'
import type { FinishReason, Resume, TokenLogprob, Usage } from '../../protocol/index.ts'
import { ResumeSeam } from '../continuation/index.ts'
import { LogprobQueue } from '../logprob-queue.ts'
import { AnswerText } from './answer-text.ts'
import { CallReader, type CallReaderInit, type ReadText } from './call-reader.ts'
import { closedJson } from './closed-json.ts'
import { type DrawnToken, drawTokens } from './draw-tokens.ts'
import { grammarState } from './grammar.ts'
import type { LoadedEngine } from './load-engine.ts'
import type { TextEvent } from './messages.ts'
import { tooLong } from './prompt.ts'
import type { Sampling } from './sampling.ts'
import type { SequencePool } from './sequence-pool.ts'

/** Tokens evaluated at once. Cancelling waits for one batch; other answers advance between batches. */
const PREFILL_CHUNK = 64

export interface AnswerPlan {
  readonly prompt: readonly Token[]
  /** What an earlier engine wrote. */
  readonly prefix: readonly Token[]
  readonly resume: Resume | undefined
  /** Length of the whole answer, prefix included. `undefined`: up to the end of the context. */
  readonly maxTokens: number | undefined
  readonly stops: readonly string[]
  readonly sampling: Sampling
  /** Built from the request's schema, or from those of the calls that have to be made. */
  readonly grammar: string | undefined
  /** Set if tools may be called. */
  readonly calls?: CallReaderInit
  /** Most likely alternatives per token; `undefined`: no logprobs at all. */
  readonly topLogprobs: number | undefined
  readonly group: string | undefined
  /** A prefix of up to this many tokens is evaluated one by one. */
  readonly exactResumeTokens: number
}

export interface AnswerSummary {
  /** Completion tokens are those generated here, without the prefix. */
  readonly usage: Usage
  /** Tokens of the prompt and prefix that had to be evaluated. */
  readonly evaluatedTokens: number
  readonly prefillMs: number
  readonly decodeMs: number
}

export interface AnswerOptions {
  readonly signal: AbortSignal
  /** Receives token counts once the engine has read or written them. */
  readonly onEvaluated: (tokens: number) => void
  /** Called after each batch of the prompt: tokens in the KV cache, of all. */
  readonly onPrefill?: (tokens: number, of: number) => void
}

/**
 * Writes one answer, from its start or on from where another engine left off.
 *
 * @throws InferenceError `context_too_long`, `not_resumable`, `capability_unavailable`; the signal's reason.
 */
export async function* writeAnswer(
  engine: Pick<LoadedEngine, 'llama' | 'model' | 'contextLength'>,
  pool: SequencePool,
  plan: AnswerPlan,
  options: AnswerOptions,
): AsyncGenerator<TextEvent, AnswerSummary, void> {
  const { prompt, prefix } = plan
  const { signal, onEvaluated } = options
  if (prompt.length >= engine.contextLength) throw tooLong(prompt.length, engine.contextLength)
  const answer = new Answer(engine.model, plan)
  const room = engine.contextLength - prompt.length
  const left = Math.min(plan.maxTokens ?? room, room) - prefix.length
  const start = answer.start()
  const early = answer.ended ?? (left <= 0 ? 'length' : undefined)
  if (early !== undefined) {
    yield answer.finish(early, start)
    return unworked(prompt.length)
  }
  if (start.text !== '' || start.calls.length > 0) yield { ...NOTHING, ...start }
  const grammar =
    plan.grammar === undefined ? undefined : await grammarState(engine, plan.grammar, prefix)
  const input = [...prompt, ...prefix]
  const lease = await pool.acquire(input, plan.group, signal)
  const startedAt = performance.now()
  let firstAt: number | undefined
  let cached = 0
  const written: Token[] = [...prefix]
  try {
    if (lease.cold) await lease.sequence.clearHistory()
    cached = await prefill(lease.sequence, input, singlyFrom(plan), options)
    const drawing = drawTokens({
      sequence: lease.sequence,
      last: input.at(-1) as Token,
      sampling: plan.sampling,
      grammar,
      answer: written,
      confidence: plan.topLogprobs !== undefined,
      probabilities: (plan.topLogprobs ?? 0) > 0,
    })
    let finish: FinishReason = 'stop'
    for await (const drawn of drawing) {
      firstAt ??= performance.now()
      onEvaluated(1)
      signal.throwIfAborted()
      written.push(drawn.token)
      const event = answer.push(drawn)
      if (answer.ended !== undefined) break
      if (written.length - prefix.length >= left) {
        finish = 'length'
        if (event !== undefined) yield event
        break
      }
      if (event !== undefined) yield event
    }
    signal.throwIfAborted()
    yield answer.finish(answer.ended ?? finish)
  } finally {
    lease.release()
  }
  const endedAt = performance.now()
  return {
    usage: {
      promptTokens: prompt.length,
      completionTokens: written.length - prefix.length,
      cachedPromptTokens: Math.min(cached, prompt.length),
    },
    evaluatedTokens: input.length - cached,
    prefillMs: (firstAt ?? endedAt) - startedAt,
    decodeMs: endedAt - (firstAt ?? endedAt),
  }
}

/**
 * A batch of tokens is not computed to the last bit like the same tokens one by one, which at a near tie is enough to
 * choose another word. The last token of the prompt was the first to be evaluated alone.
 */
function singlyFrom({ prompt, prefix, exactResumeTokens }: AnswerPlan): number {
  const exact = prefix.length > 0 && prefix.length <= exactResumeTokens
  return exact ? prompt.length - 1 : Number.POSITIVE_INFINITY
}

const NOTHING_READ: ReadText = { text: '', calls: [] }

const NOTHING: TextEvent = {
  type: 'text',
  text: '',
  tokenIds: [],
  logprobs: [],
  finishReason: null,
}

function unworked(promptTokens: number): AnswerSummary {
  const usage = { promptTokens, completionTokens: 0, cachedPromptTokens: 0 }
  return { usage, evaluatedTokens: 0, prefillMs: 0, decodeMs: 0 }
}

/**
 * Evaluates all but the last token; from `singlyFrom` on one by one, as they were when they were written.
 *
 * @returns how many of them the sequence held already.
 */
async function prefill(
  sequence: LlamaContextSequence,
  input: readonly Token[],
  singlyFrom: number,
  { signal, onEvaluated, onPrefill }: AnswerOptions,
): Promise<number> {
  const end = input.length - 1
  await sequence.adaptStateToTokens(input.slice(0, end), false)
  const cached = sequence.nextTokenIndex
  for (let from = cached; from < end; ) {
    signal.throwIfAborted()
    const until = from < singlyFrom ? Math.min(from + PREFILL_CHUNK, singlyFrom) : from + 1
    const chunk = input.slice(from, Math.min(until, end))
    await sequence.evaluateWithoutGeneratingNewTokens(chunk)
    onEvaluated(chunk.length)
    from += chunk.length
    onPrefill?.(from, input.length)
  }
  signal.throwIfAborted()
  return cached
}

/** One answer's text: what may be shown, where it goes on, how it ends. */
class Answer {
  /** Set once a stop string, or the end of the JSON, ended the answer. */
  ended: FinishReason | undefined
  readonly #model: LlamaModel
  readonly #plan: AnswerPlan
  readonly #text: AnswerText
  readonly #seam: ResumeSeam
  readonly #calls: CallReader | undefined
  readonly #logprobs = new LogprobQueue()
  /** The stop string that ended the answer. */
  #stop: string | undefined
  /** All text so far, prefix included; kept only where a schema asks for it. */
  #whole = ''
  #last: TextEvent | undefined

  constructor(model: LlamaModel, plan: AnswerPlan) {
    const exact = plan.resume === undefined || plan.resume.tokenIds.length > 0
    this.#model = model
    this.#plan = plan
    this.#text = new AnswerText({
      spell: (tokens, before) =>
        // A call's marks may be control tokens.
        model.detokenize(
          tokens as readonly Token[],
          plan.calls !== undefined,
          before as readonly Token[],
        ),
      prompt: exact ? plan.prompt : [...plan.prompt, ...plan.prefix],
      stops: plan.stops,
    })
    this.#calls = plan.calls && new CallReader(plan.calls)
    this.#seam = new ResumeSeam(plan.resume?.text ?? '', plan.resume?.deliveredBytes ?? 0)
  }

  /** Takes in what was written before. @returns the part of it that the caller does not have. */
  start(): ReadText {
    const { resume, prefix } = this.#plan
    if (resume === undefined) return { text: '', calls: [] }
    const { text, stopped, stop } =
      resume.tokenIds.length > 0 ? this.#text.resume(prefix) : this.#text.resumeText(resume.text)
    if (stopped) this.ended = 'stop'
    this.#stop = stop
    const shown = this.#untilJsonEnds(text)
    // The text of another engine has no calls in it.
    if (resume.tokenIds.length === 0) return { text: this.#seam.pass(shown), calls: [] }
    return this.#read(shown)
  }

  /** @returns what to tell now. Once `ended` is set, `finish` tells it. */
  push(drawn: DrawnToken): TextEvent | undefined {
    if (this.#plan.topLogprobs !== undefined) {
      const isHidden = this.#model.detokenize([drawn.token], false) === ''
      this.#logprobs.push(this.#logprobOf(drawn), isHidden)
    }
    const piece = this.#text.push(drawn.token)
    if (piece === undefined) return undefined
    if (piece.stopped) this.ended = 'stop'
    this.#stop ??= piece.stop
    const shown = this.#untilJsonEnds(piece.text)
    const logprobs = this.#logprobs.take(shown)
    const event = { ...NOTHING, ...this.#read(shown), tokenIds: piece.tokenIds, logprobs }
    if (this.ended !== undefined) this.#last = event
    return event
  }

  /** The last piece, with the finish reason. `before` goes in front of its text. */
  finish(finishReason: FinishReason, before: ReadText = NOTHING_READ): TextEvent {
    if (this.ended !== undefined) {
      const last = this.#last ?? NOTHING
      return this.#ending(last, before, finishReason)
    }
    const piece = this.#text.flush()
    this.#stop ??= piece.stop
    const shown = this.#untilJsonEnds(piece.text)
    const isCut = piece.stopped || this.ended !== undefined
    const logprobs = this.#logprobs.take(shown)
    const event = {
      ...NOTHING,
      ...this.#read(shown),
      tokenIds: piece.tokenIds,
      logprobs: isCut ? logprobs : [...logprobs, ...this.#logprobs.rest()],
    }
    return this.#ending(event, before, isCut ? 'stop' : finishReason)
  }

  /** With what was held back, and the finish reason. */
  #ending(event: TextEvent, before: ReadText, finishReason: FinishReason): TextEvent {
    const rest = this.#calls?.end() ?? NOTHING_READ
    const text = before.text + event.text + this.#seam.pass(rest.text)
    this.#seam.end()
    const calls = [...before.calls, ...(event.calls ?? []), ...rest.calls]
    const called = this.#calls?.hasCalls === true && finishReason === 'stop'
    return {
      ...event,
      text,
      calls,
      finishReason: called ? 'tool_calls' : finishReason,
      ...this.#met(),
    }
  }

  /** Separates calls from the text, of which the caller may have a part. */
  #read(text: string): ReadText {
    const read = this.#calls?.push(text) ?? { text, calls: [] }
    return { text: this.#seam.pass(read.text), calls: read.calls }
  }

  #untilJsonEnds(text: string): string {
    if (this.#plan.grammar === undefined || text === '') return text
    const before = this.#whole.length
    this.#whole += text
    const closed = closedJson(this.#whole)
    if (closed === undefined) return text
    this.ended = 'stop'
    return closed.slice(before)
  }

  #met(): { readonly stop?: string } {
    return this.#stop === undefined ? {} : { stop: this.#stop }
  }

  #logprobOf({ token, confidence, probabilities }: DrawnToken): TokenLogprob {
    const top = [...(probabilities ?? [])].slice(0, this.#plan.topLogprobs ?? 0)
    return {
      ...this.#spelled(token, confidence ?? 1),
      top_logprobs: top.map(([likely, probability]) => this.#spelled(likely, probability)),
    }
  }

  #spelled(token: Token, probability: number): Omit<TokenLogprob, 'top_logprobs'> {
    const text = this.#model.detokenize([token], true)
    // A token may be part of a character only, and then its text does not tell its bytes.
    const bytes = text.includes('\uFFFD') ? null : [...Buffer.from(text)]
    return { token: text, logprob: Math.log(probability), bytes }
  }
}
