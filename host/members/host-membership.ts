import type { Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import { type Certificate, type MemberRole, PROTOCOLS } from '../../protocol/index.ts'
import { type AbortOptions, openScope, systemClock } from '../../timing/index.ts'
import { swarmKeyOf } from '../swarm-key.ts'
import { MemberExchange } from './exchange.ts'
import type { MemberExchangeInit } from './exchange-init.ts'
import { MembershipGate } from './gate.ts'
import { MEMBERSHIP } from './limits.ts'
import { Membership, type MembershipInit } from './membership.ts'
import { readOwnerKey } from './swarm-files.ts'

/** Time limit of handing over the lists. */
export interface SpreadOptions extends AbortOptions {
  /** @default 10000 */
  readonly timeoutMs?: number
}

/** A connected peer that has proved to be a member. */
export interface ConnectedMember {
  readonly peer: PeerId
  readonly name: string
  readonly role: MemberRole
}

/** A host's part in a swarm with members. */
export interface HostMembership {
  /** Name of the swarm. */
  readonly swarm: string
  /** This machine's name in it, and what it may do. */
  readonly name: string
  readonly role: MemberRole
  /** Connected peers that have proved to be members. */
  connected(): readonly ConnectedMember[]
  /** Takes in what another process of this machine has changed. */
  refresh(): Promise<void>
  /** Exchanges signed lists with the connected members, both ways. @returns members that have them all then */
  spread(options?: SpreadOptions): Promise<number>
}

/** The membership of a host, before its libp2p instance exists. */
export interface OpenedMembership {
  readonly membership: Membership
  readonly gate: MembershipGate
  readonly ownerKey: PrivateKey | undefined
}

/** @throws InferenceError `invalid_request` if the directory holds no membership */
export async function openHostMembership(
  directory: string | undefined,
  init: Required<MembershipInit>,
): Promise<OpenedMembership | undefined> {
  if (directory === undefined) return undefined
  const membership = await Membership.open(directory, init)
  return {
    membership,
    gate: new MembershipGate(systemClock),
    ownerKey: await readOwnerKey(directory),
  }
}

/** A membership at work. */
interface StartedMembership {
  readonly view: HostMembership
  /** Waits for what is being written. */
  close(): Promise<void>
}

interface StartInit extends Omit<MemberExchangeInit, 'membership' | 'gate' | 'ownerKey' | 'clock'> {
  readonly libp2p: MemberExchangeInit['libp2p'] & Pick<Libp2p, 'handle'>
}

/** Starts to prove membership on the host's connections. To be called before the instance starts. */
export async function startMembership(
  opened: OpenedMembership | undefined,
  init: StartInit,
): Promise<StartedMembership | undefined> {
  if (opened === undefined) return undefined
  const { membership, gate } = opened
  const exchange = new MemberExchange({ ...init, ...opened, clock: systemClock })
  exchange.start()
  await init.libp2p.handle(PROTOCOLS.membership, exchange.handle, {
    maxInboundStreams: MEMBERSHIP.maxInboundStreams,
    runOnLimitedConnection: true,
  })
  const view: HostMembership = {
    swarm: membership.name,
    get name() {
      return membership.certificate.name
    },
    get role() {
      return membership.certificate.role
    },
    refresh: () => membership.refresh(),
    spread: async ({ timeoutMs = MEMBERSHIP.exchangeTimeoutMs, signal } = {}) => {
      using scope = openScope({ timeoutMs }, { signal, owner: init.signal })
      return await exchange.spread(scope)
    },
    connected: () =>
      init.libp2p.getConnections().flatMap((connection) => {
        const member = gate.memberOf(connection)
        return member === undefined
          ? []
          : [{ ...memberOf(member.certificate), peer: connection.remotePeer }]
      }),
  }
  return { view, close: () => membership.close() }
}

function memberOf({ name, role }: Certificate): Omit<ConnectedMember, 'peer'> {
  return { name, role }
}

interface SwarmSettings {
  readonly swarmKey?: Uint8Array
  readonly swarmName?: string
  readonly bootstrap: readonly string[]
}

/** Settings of a host with what its membership brings. */
export function withMembership<T extends SwarmSettings>(
  init: T,
  opened: OpenedMembership | undefined,
): T & { readonly membership?: OpenedMembership } {
  if (opened === undefined) return init
  const { name, secret, addresses } = opened.membership
  return {
    ...init,
    membership: opened,
    swarmKey: swarmKeyOf(secret),
    swarmName: name,
    bootstrap: [...new Set([...init.bootstrap, ...addresses])],
  }
}
