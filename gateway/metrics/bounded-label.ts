/** More would be a row for each name that some caller makes up. */
const MAX_VALUES = 64

/** Names as label values: the first ones as they are, what comes after them as `other`. */
export function createBoundedLabel(): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= MAX_VALUES) return 'other'
    known.add(value)
    return value
  }
}
