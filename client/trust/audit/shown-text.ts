/** A stretch of what a peer showed. */
export interface Run {
  /** Engines part reasoning from the answer, and leave out the marks between the two. */
  readonly kind: 'answer' | 'reasoning'
  readonly text: string
}

/** All that the caller was shown up to some point, in order. */
export interface Shown {
  readonly runs: readonly Run[]
  /** Whoever showed the last of it ended the answer, so that nothing is held back. */
  readonly isComplete: boolean
  /** Ids are told of its head only. @default false */
  readonly isHead?: boolean
}

/**
 * How the text shown stands to what its tokens spell:
 *
 * - `all`: it is that, up to what ended the answer
 * - `stopped`: it is that up to one of the stop strings
 * - `another`: something else
 */
export type Likeness = 'all' | 'stopped' | 'another'

/** Engines differ in white space around tokens, and in how they show what is no character. */
const UNSPOKEN = /[\s\uFFFD]/g
/** Control tokens, where an engine spells them out all the same. */
const CONTROL =
  /<[|｜][\w▁./-]{1,32}[|｜]>|<\/?s>|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn|think|\/think)>|\[\/?INST\]/g

/** Holds what was shown against what the ids of the answer spell, as another engine says. Pure. */
export function compareText(shown: Shown, spelled: string, stops: readonly string[]): Likeness {
  const likeness = compare(shown, spelled, stops)
  if (likeness !== 'another') return likeness
  const runs = shown.runs.map(({ kind, text }) => ({ kind, text: text.replace(CONTROL, '') }))
  return compare({ ...shown, runs }, spelled.replace(CONTROL, ''), stops)
}

function compare(
  { runs, isComplete, isHead = false }: Shown,
  spelled: string,
  stops: readonly string[],
): Likeness {
  const bare = spoken(spelled)
  if (isHead) return compareHead(runs, bare)
  // Between reasoning and answer there are marks that nobody is shown.
  const isParted = runs.some(({ kind }) => kind === 'reasoning')
  let end = 0
  for (const { text } of runs) {
    const wanted = spoken(text)
    const at = isParted ? bare.indexOf(wanted, end) : end
    if (at < 0 || !bare.startsWith(wanted, at)) return 'another'
    end = at + wanted.length
  }
  if (!isComplete) return 'all'
  const rest = spelled.slice(lengthOf(end, spelled))
  if (stops.some((stop) => isCutOff(rest, stop))) return 'stopped'
  return spoken(rest) === '' ? 'all' : 'another'
}

/** Whichever is longer goes on as the other does: some of what was shown may be held back at its end. */
function compareHead(runs: readonly Run[], bare: string): Likeness {
  // Where the marks between reasoning and answer are cannot be told of a part of it.
  if (runs.some(({ kind }) => kind === 'reasoning')) return 'all'
  const all = spoken(runs.map(({ text }) => text).join(''))
  return all.startsWith(bare) || bare.startsWith(all) ? 'all' : 'another'
}

function spoken(text: string): string {
  return text.replace(UNSPOKEN, '')
}

/** Of the front of a text that has so many units that count. */
function lengthOf(count: number, text: string): number {
  if (count === 0) return 0
  let left = count
  for (let at = 0; at < text.length; at += 1) {
    if (spoken(text.charAt(at)) !== '') left -= 1
    if (left === 0) return at + 1
  }
  return text.length
}

/** Whether what is left begins with the stop string, which may be nothing but white space. */
function isCutOff(rest: string, stop: string): boolean {
  const bare = spoken(stop)
  if (bare !== '') return spoken(rest).startsWith(bare)
  const [blank = ''] = /^[\s\uFFFD]*/.exec(rest) ?? []
  return stop !== '' && blank.includes(stop)
}
