import { InferenceError } from '../../protocol/index.ts'
import { type ChainSources, expandChain } from './expand-chain.ts'
import type { Member } from './member.ts'

/** Max entries of `models`, duplicates included; a chain has fewer members. */
const MAX_ENTRIES = 64

/** The chain that a request names. */
export interface NamedChain {
  readonly members: readonly Member[]
  /** As the caller wrote it, separated by commas. */
  readonly asked: string
  /** The request with one model, which is replaced for each member. */
  readonly body: object
}

/** Models to try after a request's `model`. */
export interface ChainField {
  /** Each an id, an alias, `provider/model`, `auto`, or a comma-separated list of these. */
  readonly models?: readonly string[] | null
}

/**
 * Reads `model` and `models` of a request. Undefined for a `model` that is not text, which validation rejects later.
 *
 * @throws InferenceError `invalid_request`
 */
export function namedChain(body: unknown, sources: ChainSources): NamedChain | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { model, models, ...rest } = body as { readonly model?: unknown; readonly models?: unknown }
  const further = furtherModels(models)
  if (model !== undefined && typeof model !== 'string') return undefined
  if (further.length === 0 && (model === undefined || model === '')) return undefined
  const texts = model === undefined ? further : [model, ...further]
  const asked = texts.join(',')
  const members = verbatim(expandChain(texts, sources), asked)
  const [first] = members
  const own = first === undefined || first.type === 'auto' ? 'auto' : first.model
  const unchanged = models === undefined && own === model
  return { members, asked, body: unchanged ? body : { ...rest, model: own } }
}

/** An answer repeats the name of a single model exactly as the caller wrote it. */
function verbatim(members: readonly Member[], asked: string): readonly Member[] {
  const [only] = members
  const isPlain = members.length === 1 && only?.type === 'network' && only.model === asked.trim()
  return isPlain ? [{ type: 'network', model: asked }] : members
}

function furtherModels(models: unknown): readonly string[] {
  if (models === undefined || models === null) return []
  const isList = Array.isArray(models) && models.length <= MAX_ENTRIES
  if (isList && models.every((entry) => typeof entry === 'string')) return models
  throw new InferenceError(
    'invalid_request',
    `models: must be a list of at most ${MAX_ENTRIES} model names`,
    { details: { param: 'models' } },
  )
}
