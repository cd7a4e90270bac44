import type { Backend, BackendModel } from '../backend/index.ts'
import {
  InferenceError,
  type ModelReference,
  matchesDigest,
  normalizeModelId,
} from '../protocol/index.ts'

/** The models that a node shares: its backend's, restricted to those that the operator named. */
export class SharedModels {
  readonly #backend: Pick<Backend, 'models'>
  #share: readonly string[] | undefined
  #models: readonly BackendModel[] = []

  /** @param share model ids or aliases; without it, everything is shared */
  constructor(backend: Pick<Backend, 'models'>, share?: readonly string[]) {
    this.#backend = backend
    this.#share = share?.map(normalizeModelId)
  }

  all(): readonly BackendModel[] {
    return this.#models
  }

  /**
   * Queries the backend again.
   *
   * @returns names to share that the backend does not have, and whether anything changed.
   */
  async refresh(options: { readonly signal?: AbortSignal } = {}): Promise<{
    readonly missing: readonly string[]
    readonly existing: readonly string[]
    readonly changed: boolean
  }> {
    const models = await this.#backend.models(options)
    const share = this.#share
    const shared =
      share === undefined
        ? models
        : models.filter((model) => share.some((name) => isNamed(model, name)))
    const missing = share?.filter((name) => !models.some((model) => isNamed(model, name))) ?? []
    const changed = JSON.stringify(shared) !== JSON.stringify(this.#models)
    this.#models = shared
    return { missing, existing: models.map(({ id }) => id), changed }
  }

  /**
   * Shares other models from now on.
   *
   * @throws InferenceError `model_not_found`, having changed nothing, for a name that the backend does not have
   */
  async reshare(
    share: readonly string[] | undefined,
    options: { readonly signal?: AbortSignal; readonly startEmpty?: boolean } = {},
  ): Promise<{ readonly changed: boolean }> {
    const [before, models] = [this.#share, this.#models]
    this.#share = share?.map(normalizeModelId)
    try {
      const found = await this.refresh(options)
      checkShared(found, options)
      return found
    } catch (error) {
      this.#share = before
      this.#models = models
      throw error
    }
  }

  /** @throws InferenceError `model_not_found`, listing the shared models. */
  resolve(reference: ModelReference): BackendModel {
    const model = this.#models.find((candidate) => isNamed(candidate, reference.id))
    if (model === undefined) {
      throw new InferenceError(
        'model_not_found',
        `this node does not serve '${reference.id}', but ${listOf(this.#models.map(({ id }) => id))}`,
      )
    }
    if (reference.digest !== undefined && !matchesDigest(model.digest, reference.digest)) {
      throw new InferenceError(
        'model_not_found',
        `this node serves '${model.id}' under ${model.digest ?? 'no known digest'}, not ${reference.digest}`,
      )
    }
    return model
  }
}

/**
 * Throws, listing the existing models, unless every name to share exists and there is a model.
 *
 * @param startEmpty whether there may be none yet
 */
export function checkShared(
  found: { readonly missing: readonly string[]; readonly existing: readonly string[] },
  { startEmpty = false }: { readonly startEmpty?: boolean } = {},
): void {
  const { missing, existing } = found
  if (missing.length === 0 && (existing.length > 0 || startEmpty)) return
  const details = { available: existing.map((model) => ({ model, peers: 1 })) }
  const message =
    existing.length === 0
      ? 'the engine has no model to share'
      : `the engine has no ${missing.map((name) => `'${name}'`).join(', ')}: it has ${listOf(existing)}`
  throw new InferenceError('model_not_found', message, { details })
}

function isNamed(model: BackendModel, name: string): boolean {
  return model.id === name || model.aliases.includes(name)
}

/** Names listed in a message; a longer list is truncated. */
const MAX_LISTED = 20

function listOf(names: readonly string[]): string {
  if (names.length === 0) return 'nothing'
  const shown = names.slice(0, MAX_LISTED).join(', ')
  return names.length > MAX_LISTED ? `${shown} and ${names.length - MAX_LISTED} more` : shown
}
