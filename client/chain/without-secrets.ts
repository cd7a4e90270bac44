/** Shorter ones are no secret, and would be found everywhere. */
const MIN_SECRET = 4

/** The text with every secret blanked out, also one that the text's end cuts off. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.filter(({ length }) => length >= MIN_SECRET).reduce(blank, text)
}

function blank(text: string, secret: string): string {
  const whole = text.replaceAll(secret, '***')
  for (let length = secret.length - 1; length >= MIN_SECRET; length -= 1) {
    if (whole.endsWith(secret.slice(0, length))) return `${whole.slice(0, -length)}***`
  }
  return whole
}
