import { InferenceError } from '../../protocol/index.ts'
import { type ChainSources, expandChain } from './expand-chain.ts'
import type { Member } from './member.ts'

/** Entries of `models`: more than a chain may have are refused anyway. */
const MAX_ENTRIES = 64

/** What a request names. */
export interface NamedChain {
  readonly members: readonly Member[]
  /** As the caller wrote it, on one line. */
  readonly asked: string
  /** The request without its chain: one model, to be replaced by that of each member. */
  readonly body: object
}

/** Adds to a request's `model` those to try after it. */
export interface ChainField {
  /** Each an id, an alias, `provider/model`, `auto`, or a chain of such, apart by commas. */
  readonly models?: readonly string[] | null
}

/**
 * Reads `model` and `models` of a request. What is no text is left for the request's own validation to refuse.
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

/** An answer says of a single model what the caller wrote, letter by letter. */
function verbatim(members: readonly Member[], asked: string): readonly Member[] {
  const [only] = members
  const isPlain = members.length === 1 && only?.type === 'network' && only.model === asked.trim()
  return isPlain ? [{ type: 'network', model: asked }] : members
}

function furtherModels(models: unknown): readonly string[] {
  if (models === undefined || models === null) return []
  const isList = Array.isArray(models) && models.length <= MAX_ENTRIES
  if (isList && models.every((entry) => typeof entry === 'string')) return models
  throw new InferenceError('invalid_request', 'models: it has to be a short list of model names', {
    details: { param: 'models' },
  })
}
