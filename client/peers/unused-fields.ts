import { type Advertisement, normalizeModelId } from '../../protocol/index.ts'

/**
 * Those of these optional fields that the engine behind a peer's model does not accept, according to the advertisement.
 */
export function unusedFields(
  advertisements: readonly Advertisement[],
  {
    peerId,
    model,
    fields,
  }: {
    readonly peerId: string
    /** The model as the answer names it. */
    readonly model: string
    readonly fields: readonly string[]
  },
): readonly string[] {
  if (peerId.startsWith('provider:')) return []
  const served = advertisements.find((one) => one.peerId.toString() === peerId)?.models ?? []
  const id = nameOf(model)
  const named = served.find((one) => one.id === id || one.aliases.includes(id))
  const taken = new Set((named ?? served[0])?.fields ?? [])
  return fields.filter((field) => !taken.has(field))
}

/** Empty for a name that cannot be a model's id. */
function nameOf(model: string): string {
  try {
    return normalizeModelId(model.split('@')[0] ?? model)
  } catch {
    return ''
  }
}
