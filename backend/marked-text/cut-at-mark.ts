import { overlap } from '../stop-matcher.ts'

/** A text that is cut where a mark begins. */
export interface CutText {
  /** Before the mark. Blank space before a mark belongs to its syntax. */
  readonly text: string
  readonly gap: string
  /** Undefined if none was found. */
  readonly mark: string | undefined
  /** After the mark. Without a mark: what may still belong to one. */
  readonly rest: string
}

/** Cuts a text at the first of some marks. Empty marks are never found. */
export function cutAtMark(text: string, anyMarks: readonly string[]): CutText {
  const marks = anyMarks.filter((mark) => mark !== '')
  if (marks.length === 0) return { text, gap: '', mark: undefined, rest: '' }
  const [found] = marks
    .map((mark) => ({ mark, at: text.indexOf(mark) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at)
  const begun = Math.max(...marks.map((mark) => overlap(text, mark)))
  const end = found?.at ?? text.length - begun
  const shown = text.slice(0, end).trimEnd()
  if (found === undefined) {
    return { text: shown, gap: '', mark: undefined, rest: text.slice(shown.length) }
  }
  const rest = text.slice(end + found.mark.length)
  return { text: shown, gap: text.slice(shown.length, end), mark: found.mark, rest }
}
