import type { AddressEvidence, Host, Reachability } from '../host/index.ts'
import { plainLine } from '../protocol/index.ts'
import { shortId } from './explain/index.ts'
import type { Session } from './runtime.ts'

type Dated<T> = T extends { readonly atMs: number } ? Omit<T, 'atMs'> & { readonly at: string } : T

/** Evidence for one address; its time in ISO 8601. */
export type EvidenceFields = Dated<AddressEvidence>

/** How other peers reach this one, as in events and the status file. */
export interface ReachabilityFields {
  readonly reachability: Reachability['status']
  readonly evidence: readonly EvidenceFields[]
  /** IP addresses that outside peers observe. */
  readonly seenAt: readonly string[]
  /** Advice, if there is any. */
  readonly advice?: string
}

export function reachabilityFields({
  status,
  evidence,
  seenAt,
  advice,
}: Reachability): ReachabilityFields {
  return {
    reachability: status,
    evidence: evidence.map(dated),
    seenAt,
    ...(advice !== undefined && { advice }),
  }
}

function dated(entry: AddressEvidence): EvidenceFields {
  if (entry.verdict === 'untested') return entry
  const { atMs, ...rest } = entry
  return { ...rest, at: new Date(atMs).toISOString() }
}

const MEANING: Readonly<Record<Reachability['status'], string>> = {
  public: 'peers outside reach this machine',
  forwarded: 'peers outside reach this machine through a forwarded port',
  relayed: 'peers outside reach this machine through relays',
  lan: 'only peers of this network reach this machine',
  unknown: 'no peer outside is known to reach this machine',
}

/** The lines that show a person how a peer is reached. */
export function reachabilityLines(fields: ReachabilityFields): readonly string[] {
  const { reachability, evidence, advice } = fields
  return [
    `${reachability}: ${MEANING[reachability]}`,
    ...evidence.filter(({ verdict }) => verdict !== 'untested').map(evidenceLine),
    ...(advice === undefined ? [] : [plainLine(advice)]),
  ]
}

export function evidenceLine(entry: EvidenceFields): string {
  const address = plainLine(entry.address)
  switch (entry.verdict) {
    case 'confirmed': {
      const how = entry.how === 'dial-back' ? 'dialled back by' : 'reached by'
      return `${address}: ${how} ${shortId(entry.by)} at ${entry.at}`
    }
    case 'refuted':
      return `${address}: not announced; ${shortId(entry.by)} did not get through at ${entry.at} (${REFUTED[entry.why]})`
    case 'untested':
      return `${address}: ${plainLine(entry.why)}`
    default:
      return entry satisfies never
  }
}

const REFUTED = {
  timeout: 'no answer',
  refused: 'the port is closed',
  other_peer: 'another program answered',
} as const

/** The findings of other peers after a short wait. */
export async function firstReachability(
  { signal }: Session,
  host: Host,
): Promise<ReachabilityFields> {
  // Stopped meanwhile: report the findings so far.
  return reachabilityFields(await host.tested({ signal }).catch(() => host.reachability()))
}

/** Reports each change of how others reach the host, from now on. @returns unsubscribe */
export function reportReachability({ terminal }: Session, host: Host): () => void {
  return host.onReachability((reachability) => {
    const fields = reachabilityFields(reachability)
    terminal.emit({ event: 'reachability', ...fields } as { event: 'reachability' })
    terminal.print(`${reachabilityLines(fields).join('\n  ')}\n`)
  })
}
