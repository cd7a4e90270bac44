/** What to tell the operator of a file that this version does not know how to read, and leaves as it is. */
export const NEWER_FORMAT =
  'it was written by a newer version of Skein: use that version, or upgrade this one'

/** Whether content of a file has a `version` beyond the one that is known here. */
export function isNewerFormat(content: unknown, known: number): boolean {
  if (typeof content !== 'object' || content === null || !('version' in content)) return false
  return typeof content.version === 'number' && content.version > known
}
