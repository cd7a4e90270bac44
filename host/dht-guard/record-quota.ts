import { Tally } from '../../protocol/index.ts'
import { DHT_LIMITS } from './limits.ts'

/** A provider record that a peer asks to store. */
export interface AskedRecord {
  readonly peer: string
  /** Empty if the address shows none: a LAN, a relay. Such records are bounded by the total only. */
  readonly network: string
  readonly key: string
}

interface Kept extends AskedRecord {
  readonly untilMs: number
}

/** Counts provider records by peer, network and key, for as long as the DHT keeps them. */
export class RecordQuota {
  readonly #now: () => number
  /** By peer and key, the one renewed longest ago first. */
  readonly #kept = new Map<string, Kept>()
  readonly #counts = new Tally()

  constructor(now: () => number) {
    this.#now = now
  }

  get size(): number {
    return this.#kept.size
  }

  /** @returns whether the record may be stored; renewing one takes no more room */
  admit(record: AskedRecord): boolean {
    this.#expire()
    const name = `${record.peer} ${record.key}`
    const kept = this.#kept.get(name)
    if (kept !== undefined) this.#remove(name, kept)
    else if (!this.#hasRoom(record)) return false
    this.#kept.set(name, { ...record, untilMs: this.#now() + DHT_LIMITS.recordLifeMs })
    for (const holder of holdersOf(record)) this.#counts.add(holder, 1)
    return true
  }

  #hasRoom({ peer, network, key }: AskedRecord): boolean {
    const held = (holder: string): number => this.#counts.of(holder)
    return (
      this.#kept.size < DHT_LIMITS.maxRecords &&
      held(`peer ${peer}`) < DHT_LIMITS.maxKeysPerPeer &&
      held(`key ${key}`) < DHT_LIMITS.maxProvidersPerKey &&
      (network === '' ||
        (held(`network ${network}`) < DHT_LIMITS.maxRecordsPerNetwork &&
          held(`key ${key} of ${network}`) < DHT_LIMITS.maxProvidersPerKeyAndNetwork))
    )
  }

  #expire(): void {
    for (const [name, kept] of this.#kept) {
      if (kept.untilMs > this.#now()) return
      this.#remove(name, kept)
    }
  }

  #remove(name: string, kept: Kept): void {
    this.#kept.delete(name)
    for (const holder of holdersOf(kept)) this.#counts.add(holder, -1)
  }
}

function holdersOf({ peer, network, key }: AskedRecord): readonly string[] {
  return [`peer ${peer}`, `key ${key}`, `network ${network}`, `key ${key} of ${network}`]
}
