import { type Advertisement, normalizeModelId } from '../../protocol/index.ts'

/** Those that serve a model, by its id or an alias. A digest in the name is ignored. */
export function serving(
  advertisements: readonly Advertisement[],
  model: string,
): readonly Advertisement[] {
  const id = normalizeModelId(model.split('@sha256:')[0] ?? '')
  return advertisements.filter(({ models }) =>
    models.some((served) => served.id === id || served.aliases.includes(id)),
  )
}
