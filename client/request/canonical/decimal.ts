const NUMBER = /^([-+−]?)(\d*)(?:\.(\d*))?(?:e([-+]?\d+))?$/i
/** Exponents with more digits are not exact as a double; such a number is equal only to its own spelling. */
const MAX_EXPONENT_DIGITS = 15

/**
 * One spelling for all spellings of a decimal number: `1`, `1.0` and `10e-1` give `1e0`. Exact, where doubles would take
 * two long integers for one. Never longer than what was given, but for the exponent.
 */
export function canonicalDecimal(text: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? []
  if (sign === undefined || exponent.length > MAX_EXPONENT_DIGITS) return text
  const digits = (whole + fraction).replace(/^0+/, '')
  if (digits === '') return '0e0'
  let end = digits.length
  while (digits[end - 1] === '0') end -= 1
  const power = Number(exponent) - fraction.length + digits.length - end
  return `${sign === '' || sign === '+' ? '' : '-'}${digits.slice(0, end)}e${power}`
}
