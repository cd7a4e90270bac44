/**
 * Canonical forms of JSON values and numbers, for comparison.
 *
 * @example
 * canonicalText('{"b": 1.0, "a": []}') === canonicalText('{"a":[],"b":1}')
 *
 * @packageDocumentation
 */
export { canonicalDecimal } from './decimal.ts'
export { canonicalJson, canonicalText } from './json.ts'
