import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { LIMITS } from '../../protocol/index.ts'
import type { NameLookup } from '../name-lookup.ts'
import { networkOf } from '../subnet.ts'
import type { DialBackClient } from './dial-back-client.ts'
import { endpointOf, type OwnAddress } from './own-address.ts'
import type { Tester, Testers } from './testers.ts'
import type { Verdicts } from './verdicts.ts'

export interface AddressTestsInit {
  readonly verdicts: Verdicts
  readonly testers: Testers
  readonly client: Pick<DialBackClient, 'ask'>
  readonly lookup: NameLookup
  /** Tries to connect to a tester over this version of IP, since none is. */
  readonly openFamily: (family: 4 | 6) => Promise<void>
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** From 0 to 1. */
  readonly random: () => number
  readonly signal: AbortSignal
}

/** One of our addresses, as the IP address that a tester is to dial. */
interface Target {
  readonly address: string
  readonly dialed: Multiaddr
  readonly ip: string
}

/** Has each due address tested by one peer, and records the result. */
export async function testAddresses(
  init: AddressTestsInit,
  addresses: readonly OwnAddress[],
): Promise<void> {
  const { verdicts, wall } = init
  const plans = new Map<Tester, Target[]>()
  for (const { address } of addresses) {
    if (!verdicts.isDue(address, wall())) continue
    const targets = await targetsOf(init, address)
    const [choice] = targets.flatMap((target) => {
      const tester = chooseTester(init, target)
      return tester === undefined ? [] : [{ target, tester }]
    })
    if (choice !== undefined) {
      const planned = plans.get(choice.tester) ?? []
      if (planned.length < LIMITS.maxDialBackTargets)
        plans.set(choice.tester, [...planned, choice.target])
    } else if (targets.length > 0) {
      verdicts.note(address, whyNobody(init.testers, targets), wall())
      for (const family of familiesOf(targets)) {
        if (!init.testers.seenAt().some((ip) => familyOf(ip) === family))
          await init.openFamily(family)
      }
    }
  }
  await Promise.all([...plans].map(([tester, targets]) => ask(init, tester, targets)))
}

/** The IP addresses that stand for an address; none, with a note why, where it cannot be dialled back. */
async function targetsOf(
  { verdicts, lookup, wall }: AddressTestsInit,
  address: string,
): Promise<Target[]> {
  const whole = multiaddr(address)
  const endpoint = endpointOf(whole)
  if (endpoint !== undefined) return [{ address, dialed: whole, ip: endpoint.ip }]
  const [, kind, name = '', ...rest] = address.split('/')
  const ips =
    kind?.startsWith('dns') === true
      ? await lookup(name, kind === 'dns4' ? 4 : kind === 'dns6' ? 6 : 0)
      : [name]
  const targets = ips
    .map((ip) => ({
      address,
      dialed: multiaddr(`/ip${familyOf(ip)}/${ip}/${rest.join('/')}`),
      ip,
    }))
    .filter(({ dialed }) => endpointOf(dialed) !== undefined)
  if (targets.length === 0) {
    const why =
      ips.length === 0
        ? `${name} does not resolve`
        : 'only TCP and WebSockets without TLS can be tested'
    verdicts.note(address, why, wall())
  }
  return targets
}

function familyOf(ip: string): 4 | 6 {
  return ip.includes(':') ? 6 : 4
}

function familiesOf(targets: readonly Target[]): ReadonlySet<4 | 6> {
  return new Set(targets.map(({ ip }) => familyOf(ip)))
}

/** A peer that sees us at the address; it would not dial another. */
function chooseTester(
  { testers, verdicts, wall, random }: AddressTestsInit,
  { address, ip }: Target,
): Tester | undefined {
  const able = testers
    .all()
    .filter(({ seesUsAt, peer }) => seesUsAt === ip && verdicts.mayAsk(address, peer, wall()))
  const trusted = able.filter((tester) => tester.trusted)
  const pool = trusted.length > 0 ? trusted : able
  return pool[Math.min(pool.length - 1, Math.floor(random() * pool.length))]
}

function whyNobody(testers: Testers, targets: readonly Target[]): string {
  const families = familiesOf(targets)
  const seen = testers.seenAt().filter((ip) => families.has(familyOf(ip)))
  const elsewhere = seen.filter((ip) => !targets.some((target) => target.ip === ip))
  if (elsewhere.length > 0) return `peers see this host at ${elsewhere.join(', ')} instead`
  return 'no peer outside could be asked to dial back'
}

const NOTES = {
  reached: 'a peer claims to have got through, and did not prove it',
  not_allowed: 'a peer that was asked does not dial this address',
  rate_limited: 'a peer that was asked had too many requests',
} as const

async function ask(
  { client, verdicts, wall, signal }: AddressTestsInit,
  tester: Tester,
  targets: readonly Target[],
): Promise<void> {
  const { peer, trusted, connection } = tester
  const dialed = targets.map((target) => target.dialed)
  const answers = await client.ask(connection, dialed, { signal }).catch(() => undefined)
  const network = networkOf(connection.remoteAddr) ?? peer
  const nowMs = wall()
  targets.forEach(({ address }, index) => {
    const answer = answers?.[index]
    if (answer === undefined) {
      verdicts.note(address, 'a peer that was asked gave no answer', nowMs, peer)
    } else if (answer.proved) {
      verdicts.confirm(address, peer, 'dial-back', nowMs)
    } else {
      const { outcome } = answer
      if (outcome === 'timeout' || outcome === 'refused' || outcome === 'other_peer')
        verdicts.refute(address, { by: peer, network, trusted, why: outcome }, nowMs)
      else verdicts.note(address, NOTES[outcome], nowMs, peer)
    }
  })
}
