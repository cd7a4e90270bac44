const NUMBER = /^([-+−]?)(\d*)(?:\.(\d*))?(?:e([-+]?\d+))?$/i
/** Longer exponents are not exact as a double; such a number equals only its own spelling. */
const MAX_EXPONENT_DIGITS = 15

/**
 * Canonical spelling of a decimal number: `1`, `1.0` and `10e-1` give `1e0`. Exact, whereas doubles would confuse long
 * integers. Never longer than the input, except for the exponent.
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
