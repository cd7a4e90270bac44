/** Shorter ones are no secret, and would be found everywhere. */
const MIN_SECRET = 4
/** So much of a secret in a row gives it away. */
const WINDOW = 8
const BLANK = '***'

/**
 * The text with every secret blanked out: whole or in part, in any case, with white space or control characters
 * between, reversed, and as URLs, base64 and hex write it. One that the text's end cuts off goes from its fourth
 * character on.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets.filter(({ length }) => length >= MIN_SECRET).flatMap(formsOf)
  if (forms.length === 0) return text
  const { characters, positions } = compacted(text)
  const spans: (readonly [start: number, end: number])[] = []
  for (const form of forms) {
    const size = Math.min(WINDOW, form.length)
    const windows = new Set<string>()
    for (let at = 0; at + size <= form.length; at += 1) windows.add(form.slice(at, at + size))
    for (let at = 0; at + size <= characters.length; at += 1) {
      if (windows.has(characters.slice(at, at + size))) spans.push([at, at + size])
    }
    for (let length = size - 1; length >= MIN_SECRET; length -= 1) {
      if (!characters.endsWith(form.slice(0, length))) continue
      spans.push([characters.length - length, characters.length])
      break
    }
  }
  return blanked(text, spans, positions)
}

/** In lower case; what base64 makes of the secret alone, or behind one or two other characters. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // The characters at either end depend on what stands beside the secret.
    return text.replace(/=+$/, '').slice(before === 0 ? 0 : before + 1, -1)
  })
  const forms = [
    secret,
    [...secret].reverse().join(''),
    encodeURIComponent(secret),
    bytes.toString('hex'),
    ...base64,
    ...base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
  ]
  return [...new Set(forms.map((form) => compacted(form).characters))].filter(
    ({ length }) => length >= MIN_SECRET,
  )
}

interface Compacted {
  /** In lower case, without white space and control characters. */
  readonly characters: string
  /** Where each stands in the text. */
  readonly positions: readonly number[]
}

function compacted(text: string): Compacted {
  let characters = ''
  const positions: number[] = []
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (/[\s\p{C}]/u.test(character)) continue
    // Some letters become two in lower case.
    characters += character.toLowerCase().charAt(0)
    positions.push(at)
  }
  return { characters, positions }
}

function blanked(
  text: string,
  spans: readonly (readonly [start: number, end: number])[],
  positions: readonly number[],
): string {
  let shown = ''
  let from = 0
  let until = -1
  for (const [start, end] of spans.toSorted(([one], [other]) => one - other)) {
    const first = positions[start] ?? text.length
    const last = (positions[end - 1] ?? text.length) + 1
    if (first > until) {
      shown += text.slice(from, first) + BLANK
      until = last
    } else until = Math.max(until, last)
    from = until
  }
  return shown + text.slice(from)
}
