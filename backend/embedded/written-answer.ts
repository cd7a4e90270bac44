import type { LlamaModel, Token } from 'node-llama-cpp'
import type { FinishReason, TokenLogprob, ToolCallDelta } from '../../protocol/index.ts'
import { ResumeSeam } from '../continuation/index.ts'
import { LogprobQueue } from '../logprob-queue.ts'
import {
  CallReader,
  type HeldJson,
  type ThoughtPlace,
  ThoughtReader,
} from '../marked-text/index.ts'
import type { Released } from '../stop-matcher.ts'
import type { AnswerPlan } from './answer-plan.ts'
import { AnswerText, type TextPiece } from './answer-text.ts'
import { closedJson } from './closed-json.ts'
import type { DrawnToken } from './draw-tokens.ts'
import type { TextEvent } from './messages.ts'

/** What a part of a model's text adds to the answer. */
interface ReadPart {
  readonly reasoning: string
  readonly text: string
  readonly calls: readonly ToolCallDelta[]
}

const NOTHING_READ: ReadPart = { reasoning: '', text: '', calls: [] }
/** The only stretch of a structured answer that a grammar holds. */
export const WHOLE = 0

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
  readonly #thoughtSeam: ResumeSeam
  readonly #thoughts: ThoughtReader | undefined
  readonly #isExact: boolean
  readonly #calls: CallReader | undefined
  readonly #logprobs = new LogprobQueue()
  /** The stop string that ended the answer. */
  #stop: string | undefined
  /** All text so far, prefix included; kept only where a schema asks for it. */
  #whole = ''
  /** Characters of the newest text that came after the end of the JSON. */
  #beyond = 0
  #reasoningTokens = 0
  #heldPart: number | undefined
  #last: TextEvent | undefined

  constructor(model: LlamaModel, plan: AnswerPlan) {
    const { resume, thoughts } = plan
    const isExact = resume === undefined || resume.tokenIds.length > 0
    this.#isExact = isExact
    this.#model = model
    this.#plan = plan
    const showsControls = marksOf(plan).some((mark) => isControl(mark, model))
    this.#text = new AnswerText({
      spell: (tokens, before) =>
        model.detokenize(tokens as readonly Token[], showsControls, before as readonly Token[]),
      prompt: isExact ? plan.prompt : [...plan.prompt, ...plan.prefix],
      stops: plan.stops,
    })
    this.#calls = plan.calls && new CallReader(plan.calls)
    this.#thoughts = thoughts && new ThoughtReader(thoughts.marks, placeOf(plan, thoughts.place))
    this.#seam = new ResumeSeam(resume?.text ?? '', resume?.deliveredBytes ?? 0)
    // From its text, an answer goes on within its thoughts, or after them.
    const thought = isExact ? (resume?.reasoning ?? '') : ''
    this.#thoughtSeam = new ResumeSeam(thought, Buffer.byteLength(thought))
  }

  /** Tokens of thoughts, those of the prefix included. */
  get reasoningTokens(): number {
    return this.#reasoningTokens
  }

  /** The JSON that the plan's grammar holds now. Undefined also while text of it is held back, as it would miss that. */
  get held(): HeldJson | undefined {
    const { grammar } = this.#plan
    if (grammar === undefined) return undefined
    if (grammar.holds === 'calls') return this.#settled(this.#calls?.held)
    const mayThink = this.#thoughts?.isOver === false
    return mayThink ? undefined : this.#settled({ part: WHOLE, text: this.#whole })
  }

  #settled(held: HeldJson | undefined): HeldJson | undefined {
    if (held === undefined || held.part === this.#heldPart) return held
    if (this.#text.isHolding) return undefined
    this.#heldPart = held.part
    return held
  }

  /** Takes in what was written before. @returns the part of it that the caller does not have. */
  start(): ReadPart {
    const { resume, prefix } = this.#plan
    if (resume === undefined) return NOTHING_READ
    if (!this.#isExact) {
      // The text of another engine has no marks in it.
      const { text } = this.#noted(this.#text.resumeText(resume.text))
      return { ...NOTHING_READ, text: this.#seam.pass(this.#untilJsonEnds(text)) }
    }
    const read = { reasoning: '', text: '', calls: [] as ToolCallDelta[] }
    for (const id of prefix) {
      const { reasoning, text, calls } = this.#read(this.#noted(this.#text.resume([id])).text)
      read.reasoning += reasoning
      read.text += text
      read.calls.push(...calls)
      if (this.#thoughts?.isThinking === true) this.#reasoningTokens += 1
      if (this.ended !== undefined) break
    }
    return read
  }

  #noted({ text, stopped, stop }: Released): Released {
    if (stopped) this.ended = 'stop'
    this.#stop ??= stop
    return { text, stopped }
  }

  /** Adds a token. @returns the piece to send now; once `ended` is set, `finish` returns it */
  push(drawn: DrawnToken): TextEvent | undefined {
    if (this.#plan.topLogprobs !== undefined) {
      const isHidden = this.#model.detokenize([drawn.token], false) === ''
      this.#logprobs.push(this.#logprobOf(drawn), isHidden)
    }
    const piece = this.#text.push(drawn.token)
    const event = piece && this.#eventOf(piece)
    if (this.#thoughts?.isThinking === true) this.#reasoningTokens += 1
    if (this.ended !== undefined) this.#last = event
    return event
  }

  #eventOf(piece: TextPiece): TextEvent {
    const { text } = this.#noted(piece)
    const read = this.#read(text)
    const logprobs = this.#logprobs.take(this.#upToJson(text))
    return { ...NOTHING, ...read, tokenIds: piece.tokenIds, logprobs }
  }

  /** The last piece, with the finish reason. `before` goes in front of its text. */
  finish(finishReason: FinishReason, before: ReadPart = NOTHING_READ): TextEvent {
    if (this.ended !== undefined) {
      const last = this.#last ?? NOTHING
      return this.#ending(last, before, finishReason)
    }
    const piece = this.#text.flush()
    const event = this.#eventOf(piece)
    const isCut = piece.stopped || this.ended !== undefined
    const logprobs = isCut ? event.logprobs : [...event.logprobs, ...this.#logprobs.rest()]
    return this.#ending({ ...event, logprobs }, before, isCut ? 'stop' : finishReason)
  }

  /** With what was held back, and the finish reason. */
  #ending(event: TextEvent, before: ReadPart, finishReason: FinishReason): TextEvent {
    const last = this.#thoughts?.end() ?? NOTHING_READ
    const later = this.#separated(last.reasoning, last.text)
    const rest = this.#calls?.end() ?? NOTHING_READ
    const reasoning = before.reasoning + (event.reasoning ?? '') + later.reasoning
    const text = before.text + event.text + later.text + this.#seam.pass(rest.text)
    this.#thoughtSeam.end()
    this.#seam.end()
    const calls = [...before.calls, ...(event.calls ?? []), ...later.calls, ...rest.calls]
    const called = this.#calls?.hasCalls === true && finishReason === 'stop'
    return {
      ...event,
      reasoning,
      text,
      calls,
      finishReason: called ? 'tool_calls' : finishReason,
      ...this.#met(),
    }
  }

  /** Tells thoughts, text and calls apart, of which the caller may have a part. */
  #read(written: string): ReadPart {
    const { reasoning, text } = this.#thoughts?.push(written) ?? { reasoning: '', text: written }
    return this.#separated(reasoning, text)
  }

  #separated(reasoning: string, text: string): ReadPart {
    const said = this.#untilJsonEnds(text)
    const read = this.#calls?.push(said) ?? { text: said, calls: [] }
    if (this.#calls?.isOver === true) this.ended ??= 'stop'
    return {
      reasoning: this.#thoughtSeam.pass(reasoning),
      text: this.#seam.pass(read.text),
      calls: read.calls,
    }
  }

  #upToJson(text: string): string {
    return this.#beyond === 0 ? text : text.slice(0, Math.max(0, text.length - this.#beyond))
  }

  #untilJsonEnds(text: string): string {
    if (this.#plan.grammar?.holds !== 'answer' || text === '') return text
    const before = this.#whole.length
    this.#whole += text
    const closed = closedJson(this.#whole)
    if (closed === undefined) return text
    this.ended = 'stop'
    this.#beyond = this.#whole.length - closed.length
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

/** Marks of calls and thoughts in the text. */
function marksOf({ calls, thoughts }: AnswerPlan): readonly string[] {
  const marks = [
    ...(calls === undefined ? [] : [calls.format.open, calls.format.close]),
    ...(thoughts === undefined ? [] : [thoughts.marks.open, thoughts.marks.close]),
  ]
  return marks.filter((mark) => mark !== '')
}

/** Whether a mark would be missing from the text without control tokens. */
function isControl(mark: string, model: LlamaModel): boolean {
  return !model.detokenize(model.tokenize(mark, true)).includes(mark)
}

/** From its text, an answer goes on after its thoughts, or within them. */
function placeOf({ resume }: AnswerPlan, begun: ThoughtPlace): ThoughtPlace {
  if (resume === undefined || resume.tokenIds.length > 0) return begun
  if (resume.text !== '') return 'text'
  return (resume.reasoning ?? '') === '' ? begun : 'thinking'
}
