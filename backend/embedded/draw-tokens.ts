import type {
  LlamaContextSequence,
  SequenceEvaluateOptions,
  Token,
  TokenBias,
} from 'node-llama-cpp'
import type { GrammarGuide } from './grammar.ts'
import { importEngine } from './load-engine.ts'
import { hasPenalty, type Sampling, seedAt } from './sampling.ts'

/** Penalties look back over this many tokens of the answer. */
const PENALTY_WINDOW = 1_024

export interface DrawnToken {
  readonly token: Token
  readonly confidence?: number
  readonly probabilities?: Map<Token, number>
}

export interface DrawInit {
  readonly sequence: LlamaContextSequence
  /** Evaluated first; the rest of the input is in the sequence already. */
  readonly last: Token
  readonly sampling: Sampling
  readonly grammar: GrammarGuide | undefined
  /** Tokens of the answer so far. Grows while tokens are drawn: the reader adds each one. */
  readonly answer: readonly Token[]
  readonly confidence: boolean
  readonly probabilities: boolean
}

/** Draws token after token until the model ends its answer, whose end token is not among them. */
export async function* drawTokens(init: DrawInit): AsyncGenerator<DrawnToken, void, void> {
  const { sequence, sampling, answer, confidence, probabilities } = init
  const options = await evaluateOptions(init)
  const metadata = { confidence, probabilities }
  if (sampling.temperature === 0) {
    yield* sequence.evaluateWithMetadata([init.last], metadata, options)
    return
  }
  // One evaluation per token, because each is drawn with its own seed.
  let last = init.last
  for (;;) {
    const seeded = { ...options, seed: seedAt(sampling.seed, answer.length) }
    const evaluation = sequence.evaluateWithMetadata([last], metadata, seeded)
    const drawn = await evaluation.next()
    await evaluation.return()
    if (drawn.done === true) return
    last = drawn.value.token
    yield drawn.value
  }
}

async function evaluateOptions(init: DrawInit): Promise<SequenceEvaluateOptions> {
  const { sampling, grammar, answer, sequence } = init
  const { temperature, topP, topK, minP } = sampling
  return {
    temperature,
    topP,
    topK,
    minP,
    ...(grammar !== undefined && { grammarEvaluationState: () => grammar.state }),
    ...(hasPenalty(sampling) && {
      repeatPenalty: {
        punishTokens: () => answer.slice(-PENALTY_WINDOW),
        maxPunishTokens: PENALTY_WINDOW,
        penalty: sampling.repeatPenalty,
        presencePenalty: sampling.presencePenalty,
        frequencyPenalty: sampling.frequencyPenalty,
      },
    }),
    ...(sampling.logitBias.size > 0 && { tokenBias: await biasOf(sequence, sampling) }),
  }
}

async function biasOf(sequence: LlamaContextSequence, sampling: Sampling): Promise<TokenBias> {
  const { TokenBias } = await importEngine()
  const bias = TokenBias.for(sequence.model)
  for (const [token, logit] of sampling.logitBias) bias.set(token as Token, { logit })
  return bias
}
