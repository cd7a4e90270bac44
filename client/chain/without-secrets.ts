/** Shorter values are not secret, and would match everywhere. */
const MIN_SECRET = 4
/** Consecutive characters of a secret that are blanked. */
const WINDOW = 8
const BLANK = '***'

/**
 * Blanks out every secret in a text: whole or in part, in any case, interspersed with white space or control characters,
 * reversed, and in URL, base64 and hex encoding. A secret cut off by the end of the text is blanked if at least four
 * characters of it are left.
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

/** All encodings to look for, in lower case. Base64 depends on the alignment, so the secret is encoded at offsets 0 to 2. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // The characters at either end depend on the neighbours of the secret.
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
  /** The position of each character in the text. */
  readonly positions: readonly number[]
}

function compacted(text: string): Compacted {
  let characters = ''
  const positions: number[] = []
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (/[\s\p{C}]/u.test(character)) continue
    // Some letters have two characters in lower case.
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
