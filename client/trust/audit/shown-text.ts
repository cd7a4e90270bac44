/** A run of displayed text of one kind. */
export interface TextRun {
  /** Engines separate reasoning from the answer, and omit the markers between them. */
  readonly kind: 'answer' | 'reasoning'
  readonly text: string
}

/** All text displayed to the caller up to some point, in order. */
export interface ShownText {
  readonly runs: readonly TextRun[]
  /** The answer ended here, so no text is held back. */
  readonly isComplete: boolean
  /** Only the head of it has been rated. @default false */
  readonly isHead?: boolean
}

/**
 * How the displayed text relates to the text that its tokens spell.
 *
 * - `same`: equal
 * - `stopped`: equal up to one of the stop strings
 * - `different`: anything else
 */
export type TextMatch = 'same' | 'stopped' | 'different'

/** Ignored: engines differ in white space around tokens, and in how they show incomplete characters. */
const IGNORED = /[\s\uFFFD]/g
/** Control tokens, which some engines spell out. */
const CONTROL =
  /<[|｜][\w▁./-]{1,32}[|｜]>|<\/?s>|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn|think|\/think)>|\[\/?INST\]/g

/** Compares the displayed text with the text that the token ids spell, according to another engine. Pure. */
export function compareText(
  shown: ShownText,
  spelled: string,
  stops: readonly string[],
): TextMatch {
  const match = compare(shown, spelled, stops)
  if (match !== 'different') return match
  const runs = shown.runs.map(({ kind, text }) => ({ kind, text: text.replace(CONTROL, '') }))
  return compare({ ...shown, runs }, spelled.replace(CONTROL, ''), stops)
}

function compare(
  { runs, isComplete, isHead = false }: ShownText,
  spelled: string,
  stops: readonly string[],
): TextMatch {
  const bare = significant(spelled)
  if (isHead) return compareHead(runs, bare)
  // The markers between reasoning and answer are not displayed.
  const hasReasoning = runs.some(({ kind }) => kind === 'reasoning')
  let end = 0
  for (const { text } of runs) {
    const wanted = significant(text)
    const at = hasReasoning ? bare.indexOf(wanted, end) : end
    if (at < 0 || !bare.startsWith(wanted, at)) return 'different'
    end = at + wanted.length
  }
  if (!isComplete) return 'same'
  const rest = spelled.slice(lengthOf(end, spelled))
  if (stops.some((stop) => isCutOff(rest, stop))) return 'stopped'
  return significant(rest) === '' ? 'same' : 'different'
}

/** One text must be a prefix of the other: the end of the displayed text may have been held back. */
function compareHead(runs: readonly TextRun[], bare: string): TextMatch {
  // The position of the markers between reasoning and answer is unknown.
  if (runs.some(({ kind }) => kind === 'reasoning')) return 'same'
  const all = significant(runs.map(({ text }) => text).join(''))
  return all.startsWith(bare) || bare.startsWith(all) ? 'same' : 'different'
}

function significant(text: string): string {
  return text.replace(IGNORED, '')
}

/** Length of the prefix of a text that contains `count` significant code units. */
function lengthOf(count: number, text: string): number {
  if (count === 0) return 0
  let left = count
  for (let at = 0; at < text.length; at += 1) {
    if (significant(text.charAt(at)) !== '') left -= 1
    if (left === 0) return at + 1
  }
  return text.length
}

/** Whether the rest begins with the stop string, which may consist of white space only. */
function isCutOff(rest: string, stop: string): boolean {
  const bare = significant(stop)
  if (bare !== '') return significant(rest).startsWith(bare)
  const [blank = ''] = /^[\s\uFFFD]*/.exec(rest) ?? []
  return stop !== '' && blank.includes(stop)
}
