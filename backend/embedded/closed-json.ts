/**
 * The end of the JSON value that `text` begins with, once it is complete; else `undefined`. A number is complete only
 * when something follows it.
 */
export function closedJson(text: string): string | undefined {
  const value = text.trimEnd()
  if (!mayBeClosed(value.trimStart().at(0), value.at(-1), value.length < text.length)) {
    return undefined
  }
  try {
    JSON.parse(value)
    return value
  } catch {
    return undefined
  }
}

/** Spares parsing the whole text after every token. */
function mayBeClosed(
  first: string | undefined,
  last: string | undefined,
  followed: boolean,
): boolean {
  switch (first) {
    case undefined:
      return false
    case '{':
      return last === '}'
    case '[':
      return last === ']'
    case '"':
      return last === '"'
    case 't':
    case 'f':
    case 'n':
      return last === 'e' || last === 'l'
    default:
      return followed
  }
}
