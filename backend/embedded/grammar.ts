import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Llama, LlamaGrammarEvaluationState, LlamaModel, Token } from 'node-llama-cpp'
import { InferenceError } from '../../protocol/index.ts'
import type { HeldJson } from '../marked-text/index.ts'
import { importEngine } from './load-engine.ts'

/** The part of node-llama-cpp's internals that advances a grammar over tokens which it did not sample. */
interface GrammarInternals {
  readonly _bindings?: {
    readonly AddonSampler?: {
      canBeNextTokenForGrammarEvaluationState?(state: unknown, token: Token): boolean
      acceptGrammarEvaluationStateToken?(state: unknown, token: Token): void
    }
  }
}

interface LoadedModel {
  readonly llama: Llama
  readonly model: LlamaModel
}

/** Tokens of a prefix that are checked before other requests have their turn. */
const PREFIX_SLICE = 64

/** The grammar that the next token of an answer has to match, while stretches of the answer are held and others are free. */
export class GrammarGuide {
  readonly #engine: LoadedModel
  readonly #newState: () => LlamaGrammarEvaluationState
  #state: LlamaGrammarEvaluationState | undefined
  #part: number | undefined

  private constructor(engine: LoadedModel, newState: () => LlamaGrammarEvaluationState) {
    this.#engine = engine
    this.#newState = newState
  }

  static async create(engine: LoadedModel, text: string): Promise<GrammarGuide> {
    const { LlamaGrammarEvaluationState } = await importEngine()
    const grammar = await engine.llama.createGrammar({
      grammar: text,
      // As for a grammar that is made from a schema at once.
      stopGenerationTriggers: ['\n\n\n\n'],
      trimWhitespaceSuffix: true,
    })
    const { model } = engine
    return new GrammarGuide(engine, () => new LlamaGrammarEvaluationState({ model, grammar }))
  }

  /** For the next token; undefined where the answer is free. */
  get state(): LlamaGrammarEvaluationState | undefined {
    return this.#state
  }

  /**
   * Holds an answer from its first token on, of which `prefix` is written.
   *
   * @throws InferenceError `not_resumable` if that does not match, or this version of the engine cannot advance by tokens
   */
  async holdAll(prefix: readonly Token[], part: number): Promise<void> {
    if (await this.#enter(prefix, part)) return
    throw new InferenceError('not_resumable', 'the answer so far does not match its schema')
  }

  /** Follows the answer: begins to hold a stretch, goes on with it, or ends it. A stretch that does not match stays free. */
  async follow(held: HeldJson | undefined): Promise<void> {
    if (held?.part === this.#part) return
    this.#state = undefined
    this.#part = held?.part
    if (held === undefined) return
    const tokens = this.#engine.model.tokenize(held.text, false, 'trimLeadingSpace')
    await this.#enter(tokens, held.part)
  }

  async #enter(prefix: readonly Token[], part: number): Promise<boolean> {
    const state = this.#newState()
    this.#part = part
    const matches = await moveOn(this.#engine.llama, state, prefix)
    this.#state = matches ? state : undefined
    return matches
  }
}

/** @returns false where the tokens do not match */
async function moveOn(
  llama: Llama,
  state: LlamaGrammarEvaluationState,
  prefix: readonly Token[],
): Promise<boolean> {
  const sampler = (llama as unknown as GrammarInternals)._bindings?.AddonSampler
  const { _state: native } = state as unknown as { readonly _state?: unknown }
  for (const [at, token] of prefix.entries()) {
    if (at % PREFIX_SLICE === PREFIX_SLICE - 1) await nextTurn()
    if (sampler?.canBeNextTokenForGrammarEvaluationState?.(native, token) !== true) return false
    sampler.acceptGrammarEvaluationStateToken?.(native, token)
  }
  return true
}
