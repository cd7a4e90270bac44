/** Limit of distinct values, because callers can invent names. */
const MAX_VALUES = 64

/** Names as label values: the first ones unchanged, later ones as `other`. */
export function createBoundedLabel(): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= MAX_VALUES) return 'other'
    known.add(value)
    return value
  }
}
