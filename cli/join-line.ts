import { multiaddr } from '@multiformats/multiaddr'

/** Rank of an address for sharing; lower is better. Wider reach first, TCP before WebSockets. */
function rank(address: string): number {
  const parts = address.split('/')
  const [, family, ip = ''] = parts
  const far = isLoopback(ip) ? 4 : family === 'ip6' ? 2 : 0
  return far + (parts.includes('ws') || parts.includes('wss') ? 1 : 0)
}

function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1' || ip === 'localhost'
}

/** The best address to share, if there is one. */
export function bestAddress(addresses: readonly string[]): string | undefined {
  return [...addresses].sort((a, b) => rank(a) - rank(b))[0]
}

/** Networks named in one line: each makes it longer. */
const MAX_NETWORKS = 3

/** The best address of each IPv4 network, or the best of all: another machine may be in any of them. */
function addressesToShare(addresses: readonly string[]): readonly string[] {
  const networks = new Map<string, string[]>()
  for (const address of addresses) {
    const [, family, ip = ''] = address.split('/')
    if (family !== 'ip4' || isLoopback(ip)) continue
    const network = ip.slice(0, ip.lastIndexOf('.'))
    networks.set(network, [...(networks.get(network) ?? []), address])
  }
  const best = [...networks.values()].flatMap((group) => bestAddress(group) ?? [])
  return best.length > 0 ? best.slice(0, MAX_NETWORKS) : [bestAddress(addresses) ?? []].flat()
}

/** Addresses to show a person: loopback addresses only if there are no others. */
export function shownAddresses(addresses: readonly string[]): readonly string[] {
  const remote = addresses.filter((address) => !isLocalOnly(address))
  return remote.length > 0 ? remote : addresses
}

function isLocalOnly(address: string): boolean {
  return isLoopback(address.split('/')[2] ?? '')
}

export interface JoinLineInit {
  /** `skein`, or `npm run skein --`. */
  readonly commandName: string
  readonly addresses: readonly string[]
  /** Of a private swarm: it carries key and addresses. */
  readonly invite?: string
  /** Name of the swarm, if it was typed. */
  readonly swarmName?: string
  /** Name of a swarm with members: others join with an invite of their own. */
  readonly members?: string
}

/** Flags for `skein node`, `skein ask` and so on that join through this peer. */
function joinFlags(init: JoinLineInit): string {
  if (init.invite !== undefined) return `--invite ${init.invite}`
  const shared = addressesToShare(init.addresses)
  if (shared.length === 0) return ''
  const name = init.swarmName === undefined ? '' : `--swarm-name ${init.swarmName} `
  return name + shared.map((address) => `--bootstrap ${address}`).join(' ')
}

/** The name of a swarm that was typed; others join under it. */
export function nameOf({ host }: { readonly host: { readonly swarmName?: string } }): {
  readonly swarmName?: string
} {
  return host.swarmName === undefined ? {} : { swarmName: host.swarmName }
}

/** The command with which another machine joins. `undefined` if this peer has no address to reach, or each machine needs an invite of its own. */
export function joinCommand(init: JoinLineInit): string | undefined {
  if (init.members !== undefined) return undefined
  const flags = joinFlags(init)
  return flags === '' ? undefined : `${init.commandName} up ${flags}`
}

/** The command that invites another machine to a swarm with members. */
export function inviteCommand({ commandName }: Pick<JoinLineInit, 'commandName'>): string {
  return `${commandName} swarm invite --name NAME`
}

/** The name of a host's swarm, if it has members. */
export function membersOf({
  membership,
}: {
  readonly membership?: { readonly swarm: string }
}): Pick<JoinLineInit, 'members'> {
  return membership === undefined ? {} : { members: membership.swarm }
}

/** Command lines that join through this peer, for copying into another terminal. */
export function joinLines(init: JoinLineInit): string {
  if (init.members !== undefined) {
    return `Swarm ${init.members}. An admin invites other machines:\n  ${inviteCommand(init)}\n`
  }
  const flags = joinFlags(init)
  if (flags === '') return 'Other peers cannot join through this peer: it has no listen address.\n'
  const best = bestAddress(init.addresses)
  const reach =
    best !== undefined && isLocalOnly(best) ? 'Join from another terminal' : 'Others join with'
  return [
    `${reach}:`,
    `  ${init.commandName} node ${flags}`,
    `  ${init.commandName} ask ${flags} "Count from 1 to 60."`,
    '',
  ].join('\n')
}

/** The TCP or UDP port of an address. */
export function portOf(address: string): number | undefined {
  const part = multiaddr(address)
    .getComponents()
    .find(({ name }) => name === 'tcp' || name === 'udp')
  return part?.value === undefined ? undefined : Number(part.value)
}
