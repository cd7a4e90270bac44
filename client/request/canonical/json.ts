import { canonicalDecimal } from './decimal.ts'

/** A number by its exact value, which a double may not be able to hold. */
class Decimal {
  readonly text: string

  constructor(text: string) {
    this.text = canonicalDecimal(text)
  }
}

/**
 * JSON text with keys sorted by UTF-16 code units as in RFC 8785, so that equal values give equal text. As with
 * `JSON.stringify`, `undefined` counts as absent.
 */
export function canonicalJson(value: unknown): string {
  if (value instanceof Decimal) return value.text
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === undefined || value === null) return 'null'
  if (typeof value !== 'object') return JSON.stringify(value)
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`)
  return `{${fields.join(',')}}`
}

/** The canonical form of a JSON text, with exact numbers. Undefined if it is not JSON, or nested too deeply. */
export function canonicalText(text: string): string | undefined {
  try {
    return canonicalJson(JSON.parse(text, exactNumbers))
  } catch {
    return undefined
  }
}

/** The third parameter is the proposal "JSON.parse source text access", which Node has from 21 on. */
function exactNumbers(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? new Decimal(context?.source ?? String(value)) : value
}
