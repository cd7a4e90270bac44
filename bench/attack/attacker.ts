/** The process that attacks, so that its own work does not delay the honest callers whose waits are measured. */
import { once } from 'node:events'
import { ATTACKS } from './attacks.ts'
import { openPeer } from './peer.ts'
import type { TargetReady } from './target.ts'

const ATTACKERS = 2

/** What the parent asks for. */
export interface AttackOrder {
  /** One of {@link ATTACKS}. */
  readonly name: string
  readonly target: TargetReady
}

/** What the parent receives: first that everything is in place, and after `stop` the messages sent. */
export type AttackNews = 'established' | { readonly sent: number }

const [{ name, target }] = (await once(process, 'message')) as [AttackOrder]
const attack = ATTACKS[name]
if (attack === undefined) throw new Error(`no attack '${name}': ${Object.keys(ATTACKS).join(', ')}`)
const stop = new AbortController()
process.on('message', () => stop.abort())
process.on('disconnect', () => process.exit(0))
let sent = 0
let isEstablished = false
const attackers = await Promise.all(Array.from({ length: ATTACKERS }, openPeer))
await attack(target, attackers, stop.signal, {
  established: () => {
    // Attacks that repeat something say it each time.
    if (!isEstablished) tell('established')
    isEstablished = true
  },
  sent: () => {
    sent += 1
  },
})
tell({ sent })

function tell(news: AttackNews): void {
  // The parent may have gone on without it.
  process.send?.(news, () => {})
}
