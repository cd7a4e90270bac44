import * as z from 'zod'
import { isNewerFormat } from '../../../storage/index.ts'
import type { Evidence } from './evidence.ts'
import { MAX_QUARANTINE_MS, type PeerStanding } from './peer-standing.ts'

/** Max age of evidence, 90 days: older evidence says little about a peer today. */
const MAX_AGE_MS = 7_776_000_000
const VERSION = 1

const count = z.number().min(0).max(1e9)
const time = z.number().min(0)
const evidence = z.object({ good: count, bad: count })
const standing = z.object({
  quality: evidence,
  consecutiveValid: count,
  logRatio: z.number().min(-100).max(100),
  hardMisses: count,
  strikes: count,
  quarantines: count,
  quarantinedUntilMs: time,
  audits: count,
  doubts: count.default(0),
  lastMs: time,
})
const peerRow = z.object({ peer: word(128), spec: word(1_024), standing })
const networkRow = z.object({ network: z.string().max(128), evidence })
const eventRow = z.object({ peer: word(128), atMs: time })
const markRow = z.object({ peer: word(128), mark: z.enum(['denied', 'trusted']), atMs: time })
const file = z.object({
  version: z.literal(VERSION),
  peers: z.array(z.unknown()),
  networks: z.array(z.unknown()).default([]),
  forgotten: z.array(z.unknown()).default([]),
  marks: z.array(z.unknown()).default([]),
  unmarked: z.array(z.unknown()).default([]),
})

export interface PeerRow {
  readonly peer: string
  readonly spec: string
  readonly standing: PeerStanding
  /** Its last event is in the future: a clock was wrong, or the file was manipulated to win merges. */
  readonly isFromFuture: boolean
}

/** The validated content of a file of standings. */
export interface SavedStandings {
  readonly peers: readonly PeerRow[]
  readonly networks: readonly { readonly network: string; readonly evidence: Evidence }[]
  readonly forgotten: readonly { readonly peer: string; readonly atMs: number }[]
  /** The owner's. They do not expire. */
  readonly marks: readonly {
    readonly peer: string
    readonly mark: 'denied' | 'trusted'
    readonly atMs: number
  }[]
  /** Peers whose mark was taken back: an older mark does not return. */
  readonly unmarked: readonly { readonly peer: string; readonly atMs: number }[]
  /** Number of invalid rows. */
  readonly dropped: number
}

/**
 * Parses the file row by row and skips invalid rows. Limits quarantines to the maximum from now on, and times of events to
 * now.
 *
 * @returns undefined if it is not a file of standings
 */
export function parseStandings(saved: unknown, nowMs: number): SavedStandings | undefined {
  const parsed = file.safeParse(saved)
  if (!parsed.success) return undefined
  const peers = rowsOf(peerRow, parsed.data.peers)
  const networks = rowsOf(networkRow, parsed.data.networks)
  const forgotten = rowsOf(eventRow, parsed.data.forgotten)
  const marks = rowsOf(markRow, parsed.data.marks)
  const unmarked = rowsOf(eventRow, parsed.data.unmarked)
  return {
    peers: peers.rows
      .filter(({ standing: { lastMs } }) => lastMs >= nowMs - MAX_AGE_MS)
      .map(({ peer, spec, standing: known }) => ({
        peer,
        spec,
        standing: within(known, nowMs),
        isFromFuture: known.lastMs > nowMs,
      })),
    networks: networks.rows,
    forgotten: forgotten.rows
      .filter(({ atMs }) => atMs >= nowMs - MAX_AGE_MS)
      .map(({ peer, atMs }) => ({ peer, atMs: Math.min(atMs, nowMs) })),
    marks: marks.rows,
    unmarked: unmarked.rows.filter(({ atMs }) => atMs >= nowMs - MAX_AGE_MS),
    dropped: [peers, networks, forgotten, marks, unmarked].reduce(
      (n, { dropped }) => n + dropped,
      0,
    ),
  }
}

/** Whether a newer version wrote the file. */
export function isOfNewerVersion(saved: unknown): boolean {
  return isNewerFormat(saved, VERSION)
}

/** The file content that {@link parseStandings} reads. */
export function standingsFile({
  peers,
  networks,
  forgotten,
  marks,
  unmarked,
}: Omit<SavedStandings, 'dropped' | 'peers'> & {
  readonly peers: readonly Omit<PeerRow, 'isFromFuture'>[]
}): object {
  return { version: VERSION, peers, networks, forgotten, marks, unmarked }
}

function within(known: PeerStanding, nowMs: number): PeerStanding {
  return {
    ...known,
    quarantinedUntilMs: Math.min(known.quarantinedUntilMs, nowMs + MAX_QUARANTINE_MS),
    lastMs: Math.min(known.lastMs, nowMs),
  }
}

function rowsOf<Row>(
  schema: z.ZodType<Row>,
  rows: readonly unknown[],
): { readonly rows: readonly Row[]; readonly dropped: number } {
  const read = rows.flatMap((row) => {
    const parsed = schema.safeParse(row)
    return parsed.success ? [parsed.data] : []
  })
  return { rows: read, dropped: rows.length - read.length }
}

/** Without white space, because keys are joined with a space. */
function word(maxLength: number): z.ZodString {
  return z.string().min(1).max(maxLength).regex(/^\S+$/)
}
