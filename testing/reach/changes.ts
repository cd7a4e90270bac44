import type { Machine, Router } from '../internet/index.ts'
import type { Peer } from './peer.ts'

/** What happens to the network of a laptop. */

const HOUR_MS = 3_600_000
/** Shorter than half of the life of a reservation. */
const STEPS = 3
/** Of a reservation that is not due for renewal. */
const LEFT_MS = 1_500_000
/** Of the packet filter. */
const TABLE = 'silence'

/** As DHCP does: the old address is gone, and with it all connections, without a word. */
export async function moveWithinLan(machine: Machine): Promise<void> {
  await machine.ip('addr', 'del', `${machine.ip4}/24`, 'dev', 'lan')
  await machine.ip('addr', 'add', '192.168.1.77/24', 'dev', 'lan')
  await machine.ip('route', 'replace', 'default', 'via', '192.168.1.1')
}

/**
 * An hour's sleep of the machine with this peer: its process stands still, no packet reaches it, its router forgets its
 * connections, and the others do without it. Their clocks go on by an hour in steps, in which they renew what is due;
 * its own does when it wakes. Timers do not go on, as in a machine that sleeps.
 */
export async function sleepAnHour(
  sleeper: Peer,
  { home, others }: { readonly home: Router; readonly others: readonly Peer[] },
): Promise<void> {
  sleeper.freeze()
  await home.setUplink('down')
  for (let step = 1; step <= STEPS; step += 1) {
    await Promise.all(others.map((peer) => peer.advance(HOUR_MS / STEPS)))
    for (const peer of others)
      await peer.until('awake without the sleeper', ({ connections, relaying, wallMs }) => {
        const isWithout = connections.every((at) => !at.endsWith(sleeper.peerId))
        return isWithout && relaying.held.every(({ expiresAtMs }) => expiresAtMs > wallMs + LEFT_MS)
      })
  }
  await home.setUplink('up')
  const woken = sleeper.advance(HOUR_MS)
  sleeper.thaw()
  await woken
}

/**
 * How a machine loses IPv6. `address`: its prefix is withdrawn. `silent`: it keeps the address, and nothing comes
 * through any more.
 */
export type Ipv6Loss = 'address' | 'silent'

export async function loseIpv6(machine: Machine, how: Ipv6Loss): Promise<void> {
  if (how === 'address') await machine.ip('-6', 'addr', 'del', `${machine.ip6}/128`, 'dev', 'wan')
  else await drop(machine, 'ip6')
}

/** Peers that could use either version then begin with IPv6. @returns a function that lets IPv4 through again */
export async function holdIpv4(machine: Machine): Promise<() => Promise<void>> {
  await drop(machine, 'ip')
  return async () => {
    await machine.run('nft', 'delete', 'table', 'ip', TABLE)
  }
}

/** A router passes no UDP on any longer, and says nothing of it. */
export async function dropForwardedUdp(router: Machine): Promise<void> {
  const chain = 'chain forward { type filter hook forward priority -10; meta l4proto udp drop; };'
  await router.run('nft', `table ip ${TABLE} { ${chain} }`)
}

/** Lets over IPv6 only those in that were addressed first, as a home's router does. */
export async function filterLikeFirewall(machine: Machine): Promise<void> {
  const rules =
    'ct state established,related accept; meta l4proto ipv6-icmp accept; iifname lo accept;'
  const chain = `chain input { type filter hook input priority 0; policy drop; ${rules} };`
  await machine.run('nft', `table ip6 firewall { ${chain} }`)
}

/** Drops what comes and goes, but for loopback. */
async function drop(machine: Machine, family: 'ip' | 'ip6'): Promise<void> {
  const chain = (hook: string, device: string): string =>
    `chain ${hook} { type filter hook ${hook} priority 0; policy drop; ${device} lo accept; };`
  const table = `table ${family} ${TABLE} { ${chain('input', 'iifname')} ${chain('output', 'oifname')} }`
  await machine.run('nft', table)
}
