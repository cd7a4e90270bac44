/** What to tell the operator of a file that this version does not know how to read, and leaves as it is. */
export const NEWER_FORMAT =
  'it was written by a newer version of Skein: use that version, or upgrade this one'

/**
 * Whether content of a file has a `version` beyond the one that is known here. A file without one is of version 1; a
 * form that version 1 cannot read has a number above it.
 */
export function isNewerFormat(content: unknown, known: number): boolean {
  if (typeof content !== 'object' || content === null || !('version' in content)) return false
  return typeof content.version === 'number' && content.version > known
}

/** {@link isNewerFormat} for a file of version 1. Text that is no JSON is of no version. */
export function isNewerText(text: string): boolean {
  if (!text.includes('"version"')) return false
  try {
    return isNewerFormat(JSON.parse(text), 1)
  } catch {
    return false
  }
}
