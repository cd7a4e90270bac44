import type { RequestEvent } from '../../client/index.ts'
import { type AttemptRecord, plainLine } from '../../protocol/index.ts'
import { durationText } from './duration.ts'
import { outcomeWords } from './outcome-words.ts'
import { shortId } from './short-id.ts'
import { summary } from './summary.ts'

/** Characters of a line, as the narrowest usual terminal has them. */
const WIDTH = 80
const GAP = '  '
/** Limits of the bar: a narrower one shows nothing, a wider one takes the room of other columns. */
const MIN_BAR = 10
const MAX_BAR = 30

export interface TimelineOptions {
  /** Label of a peer. @default the last six characters of its id; a provider's name */
  readonly name?: (peerId: string) => string
  /** Colours a peer's line. @default unchanged */
  readonly paint?: (line: string, peerId: string) => string
}

/**
 * One request as lines of at most 80 characters: its attempts in the order of their start, each with when (since the
 * request) and why it was made, at which peer, where its time went (`-` waiting for the first piece, `#` from then on), the
 * time to its first piece, the tokens delivered of those received, and the outcome; then a summary. The
 * attempts at each model of a chain stand under its name.
 * Control characters from peers are removed.
 */
export function timeline(event: RequestEvent, options: TimelineOptions = {}): string[] {
  const attempts = byModel(event.attempts.toSorted((one, other) => one.startedMs - other.startedMs))
  return [
    ...headline(event),
    ...(attempts.length === 0 ? ['No peer was asked.'] : lanes(event, attempts, options)),
    ...summary(event),
  ]
}

/** Groups the attempts by model of a chain. */
function byModel(attempts: readonly AttemptRecord[]): AttemptRecord[] {
  return [...Map.groupBy(attempts, ({ model }) => model).values()].flat()
}

function headline({ kind, model, outcome, message, remembered }: RequestEvent): string[] {
  const came = outcome === 'answered' ? 'answered' : `${outcomeWords(outcome)} (${outcome})`
  return [
    cut(`${kind}, ${plainLine(model)}: ${came}${remembered === true ? ', from memory' : ''}`),
    ...(message === undefined ? [] : [cut(`${GAP}${plainLine(message)}`)]),
  ]
}

/** One column with a cell for each attempt. `right` aligns numbers. */
interface Column {
  readonly title: string
  readonly right?: boolean
  readonly cell: (attempt: AttemptRecord) => string
}

function lanes(
  event: RequestEvent,
  attempts: readonly AttemptRecord[],
  { name = shortId, paint = (line) => line }: TimelineOptions,
): string[] {
  const before = [
    { title: 'START', right: true, cell: ({ startedMs }) => durationText(startedMs) },
    { title: 'WHY', cell: ({ reason }) => (reason === 'fallback' ? 'next' : reason) },
    { title: 'SEAM', cell: ({ exact }) => (exact === undefined ? '' : exact ? 'exact' : 'text') },
    { title: 'PEER', cell: ({ peerId }) => name(peerId) },
  ] satisfies Column[]
  const after = [
    {
      title: 'TTFT',
      right: true,
      cell: ({ ttftMs }) => (ttftMs === undefined ? '' : durationText(ttftMs)),
    },
    { title: event.kind === 'embedding' ? 'ITEMS' : 'TOKENS', right: true, cell: given },
    { title: 'OUTCOME', cell: ({ outcome }) => outcomeWords(outcome) },
  ] satisfies Column[]
  const left = columns(before, attempts)
  const right = columns(after, attempts)
  const room = WIDTH - (left[0]?.length ?? 0) - (right[0]?.length ?? 0) - 2 * GAP.length
  const bars = barColumn(event, attempts, Math.min(MAX_BAR, Math.max(MIN_BAR, room)))
  const row = (index: number): string =>
    [left[index], bars[index], right[index]].join(GAP).trimEnd()
  return [
    row(0),
    ...attempts.flatMap((attempt, index) => [
      ...(attempt.model === undefined || attempt.model === attempts[index - 1]?.model
        ? []
        : [cut(`${plainLine(attempt.model)}:`)]),
      paint(row(index + 1), attempt.peerId),
      ...(attempt.message === undefined
        ? []
        : [cut(`${' '.repeat(8)}${GAP}${plainLine(attempt.message)}`)]),
    ]),
  ]
}

/** Joins the title and each attempt's cells. Empty columns are omitted. */
function columns(all: readonly Column[], attempts: readonly AttemptRecord[]): string[] {
  const filled = all
    .map(({ title, right = false, cell }) => ({ right, cells: [title, ...attempts.map(cell)] }))
    .filter(({ cells }) => cells.slice(1).some((text) => text !== ''))
    .map(({ right, cells }) => {
      const width = Math.max(...cells.map(({ length }) => length))
      return cells.map((text) => (right ? text.padStart(width) : text.padEnd(width)))
    })
  return Array.from({ length: attempts.length + 1 }, (_, row) =>
    filled.map((cells) => cells[row] ?? '').join(GAP),
  )
}

/** A bar over the whole request. Even the shortest attempt has a mark. */
function barColumn(
  { durationMs }: RequestEvent,
  attempts: readonly AttemptRecord[],
  width: number,
): string[] {
  const lastMs = Math.max(
    durationMs,
    ...attempts.map((each) => each.startedMs + each.durationMs),
    1,
  )
  const at = (ms: number): number => Math.round((ms / lastMs) * width)
  const bars = attempts.map(({ startedMs, durationMs: tookMs, ttftMs = tookMs, tokens }) => {
    const from = Math.min(at(startedMs), width - 1)
    const to = Math.max(at(startedMs + tookMs), from + 1)
    const began = tokens === 0 ? to : Math.min(at(startedMs + ttftMs), to - 1)
    return (
      ' '.repeat(from) +
      '-'.repeat(Math.max(0, began - from)) +
      '#'.repeat(to - Math.max(began, from))
    )
  })
  return [`0 to ${durationText(lastMs)}`, ...bars].map((bar) => bar.padEnd(width))
}

function given({ tokens, deliveredTokens }: AttemptRecord): string {
  if (tokens === 0) return ''
  return deliveredTokens === tokens ? String(tokens) : `${deliveredTokens}/${tokens}`
}

function cut(line: string): string {
  return line.length <= WIDTH ? line : `${line.slice(0, WIDTH - 1)}…`
}
