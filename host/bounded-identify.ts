import {
  type Identify,
  type IdentifyComponents,
  type IdentifyInit,
  identify,
} from '@libp2p/identify'
import type { Connection } from '@libp2p/interface'
import { InferenceError } from '../protocol/index.ts'

/** Bounds on what a peer may say of itself. A host has some twenty protocols, and an address for each interface and relay. */
export const IDENTIFY_LIMITS = {
  addresses: 64,
  protocols: 128,
  /** Characters of a protocol, or of a version. */
  nameLength: 256,
  /** The signed list of addresses: without it those that are not signed count. */
  recordBytes: 4_096,
} as const

/** The parts of an identify message that have a length. */
interface Said {
  readonly listenAddrs: readonly Uint8Array[]
  readonly protocols: readonly string[]
  readonly agentVersion?: string
  readonly protocolVersion?: string
  readonly signedPeerRecord?: Uint8Array
}

/** What the interface of identify leaves out. */
interface Asking {
  _identify(connection: Connection, ...rest: readonly unknown[]): Promise<Said>
}

/**
 * libp2p's identify with bounds on the lists of an answer, which may otherwise have thousands of addresses: each is parsed,
 * compared with the others, and stored.
 */
export function boundedIdentify(
  init: IdentifyInit = {},
): (components: IdentifyComponents) => Identify {
  const create = identify(init)
  return (components) => {
    const service = create(components)
    if (!asks(service)) throw new InferenceError('internal', 'this identify cannot be bounded')
    const ask = service._identify.bind(service)
    service._identify = async (...question) => bounded(await ask(...question))
    return service
  }
}

function asks(service: Identify): service is Asking & Identify {
  return '_identify' in service
}

function bounded(said: Said): Said {
  const { signedPeerRecord, agentVersion, protocolVersion, ...rest } = said
  const isShort = (signedPeerRecord?.length ?? 0) <= IDENTIFY_LIMITS.recordBytes
  return {
    ...rest,
    listenAddrs: said.listenAddrs.slice(0, IDENTIFY_LIMITS.addresses),
    protocols: said.protocols
      .filter(({ length }) => length <= IDENTIFY_LIMITS.nameLength)
      .slice(0, IDENTIFY_LIMITS.protocols),
    ...(agentVersion !== undefined && { agentVersion: name(agentVersion) }),
    ...(protocolVersion !== undefined && { protocolVersion: name(protocolVersion) }),
    ...(signedPeerRecord !== undefined && isShort && { signedPeerRecord }),
  }
}

const name = (text: string): string => text.slice(0, IDENTIFY_LIMITS.nameLength)
