import type { Llama, LlamaGrammarEvaluationState, LlamaModel, Token } from 'node-llama-cpp'
import { InferenceError } from '../../protocol/index.ts'
import type { GrammarSchema } from './json-schema.ts'
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

/**
 * A grammar that allows only JSON of the schema, advanced past what was written already.
 *
 * @throws InferenceError `not_resumable` if `prefix` does not match the schema, or this version of the engine
 * cannot advance by tokens.
 */
export async function grammarState(
  engine: { readonly llama: Llama; readonly model: LlamaModel },
  schema: GrammarSchema,
  prefix: readonly Token[],
): Promise<LlamaGrammarEvaluationState> {
  const { LlamaGrammarEvaluationState } = await importEngine()
  type Schema = Parameters<Llama['createGrammarForJsonSchema']>[0]
  let state: LlamaGrammarEvaluationState
  try {
    const grammar = await engine.llama.createGrammarForJsonSchema(schema as unknown as Schema)
    state = new LlamaGrammarEvaluationState({ model: engine.model, grammar })
  } catch (cause) {
    throw new InferenceError('capability_unavailable', 'this engine cannot enforce that schema', {
      cause,
      details: { param: 'response_format' },
    })
  }
  if (prefix.length > 0) moveOn(engine.llama, state, prefix)
  return state
}

function moveOn(llama: Llama, state: LlamaGrammarEvaluationState, prefix: readonly Token[]): void {
  const sampler = (llama as unknown as GrammarInternals)._bindings?.AddonSampler
  const { _state: native } = state as unknown as { readonly _state?: unknown }
  for (const token of prefix) {
    if (sampler?.canBeNextTokenForGrammarEvaluationState?.(native, token) !== true) {
      throw new InferenceError('not_resumable', 'the answer so far does not match its schema')
    }
    sampler.acceptGrammarEvaluationStateToken?.(native, token)
  }
}
