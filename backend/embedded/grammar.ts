import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Llama, LlamaGrammarEvaluationState, LlamaModel, Token } from 'node-llama-cpp'
import { InferenceError } from '../../protocol/index.ts'
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

/** Tokens of a prefix that are checked before other requests have their turn. */
const PREFIX_SLICE = 64

/**
 * The state of a grammar, advanced past what was written already.
 *
 * @param grammar as text, from a GrammarBuilder
 * @throws InferenceError `not_resumable` if `prefix` does not match the schema, or this version of the engine
 * cannot advance by tokens.
 */
export async function grammarState(
  engine: { readonly llama: Llama; readonly model: LlamaModel },
  grammar: string,
  prefix: readonly Token[],
): Promise<LlamaGrammarEvaluationState> {
  const { LlamaGrammarEvaluationState } = await importEngine()
  const built = await engine.llama.createGrammar({
    grammar,
    // As for a grammar that is made from a schema at once.
    stopGenerationTriggers: ['\n\n\n\n'],
    trimWhitespaceSuffix: true,
  })
  const state = new LlamaGrammarEvaluationState({ model: engine.model, grammar: built })
  if (prefix.length > 0) await moveOn(engine.llama, state, prefix)
  return state
}

async function moveOn(
  llama: Llama,
  state: LlamaGrammarEvaluationState,
  prefix: readonly Token[],
): Promise<void> {
  const sampler = (llama as unknown as GrammarInternals)._bindings?.AddonSampler
  const { _state: native } = state as unknown as { readonly _state?: unknown }
  for (const [at, token] of prefix.entries()) {
    if (at % PREFIX_SLICE === PREFIX_SLICE - 1) await nextTurn()
    if (sampler?.canBeNextTokenForGrammarEvaluationState?.(native, token) !== true) {
      throw new InferenceError('not_resumable', 'the answer so far does not match its schema')
    }
    sampler.acceptGrammarEvaluationStateToken?.(native, token)
  }
}
