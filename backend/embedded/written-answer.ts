import type { LlamaModel, Token } from 'node-llama-cpp'
import type { FinishReason, TokenLogprob } from '../../protocol/index.ts'
import { ResumeSeam } from '../continuation/index.ts'
import { LogprobQueue } from '../logprob-queue.ts'
import type { AnswerPlan } from './answer-plan.ts'
import { AnswerText } from './answer-text.ts'
import { CallReader, type ReadText } from './call-reader.ts'
import { closedJson } from './closed-json.ts'
import type { DrawnToken } from './draw-tokens.ts'
import type { TextEvent } from './messages.ts'

const NOTHING_READ: ReadText = { text: '', calls: [] }

/** A piece without content. */
export const NOTHING: TextEvent = {
  type: 'text',
  text: '',
  tokenIds: [],
  logprobs: [],
  finishReason: null,
}

/** One answer's text: what may be shown, where it goes on, how it ends. */
export class WrittenAnswer {
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

  /** Adds a token. @returns the piece to send now; once `ended` is set, `finish` returns it */
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
    // A token may be part of a character only, and then its text does not show its bytes.
    const bytes = text.includes('\uFFFD') ? null : [...Buffer.from(text)]
    return { token: text, logprob: Math.log(probability), bytes }
  }
}
