import type { Libp2p, MultiaddrResolver, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { backoffMs, EQUAL_JITTER, openScope, pause } from '../timing/index.ts'
import { isBootstrapName, peersOfName } from './bootstrap-names.ts'
import type { BootstrapState } from './host.ts'

export interface BootstrapDialerInit {
  readonly libp2p: Pick<
    Libp2p,
    | 'dial'
    | 'logger'
    | 'getConnections'
    | 'addEventListener'
    | 'removeEventListener'
    | 'peerId'
    | 'peerStore'
  >
  /** Each of one peer, or a `/dnsaddr` name. */
  readonly addresses: readonly Multiaddr[]
  /** Emits `change` when this machine's network changes: waiting dials then start at once. */
  readonly networkChanged: EventTarget
  /** Looks up the `/dnsaddr` names among them. */
  readonly names: Pick<MultiaddrResolver, 'resolve'>
  readonly signal: AbortSignal
  /** From 0 to 1. */
  readonly random: () => number
  /** Explains an error, for readers of the state. */
  readonly explain: (error: unknown) => string
}

const DIAL_TIMEOUT_MS = 5_000
/** Short at first, for a bootstrap peer that is starting; long in the end, for one that is down for hours. */
const BACKOFF = { minMs: 500, maxMs: 10_000, jitter: EQUAL_JITTER }
const LOOKUP_TIMEOUT_MS = 5_000
/** The records of a name change when an operator moves or joins. */
const LOOKUP_AGAIN_MS = 1_800_000
/** Bootstrap peers dialled at a time, whatever names say. */
const MAX_FOLLOWED = 128
/** Kept when connections are pruned. */
const TAG = { 'keep-alive-skein-bootstrap': { value: 100 } }

/** Dials every bootstrap peer, and redials each one that is lost, for as long as the host runs. */
export function dialBootstrapPeers(init: BootstrapDialerInit): () => readonly BootstrapState[] {
  const states = new Map<string, BootstrapState>()
  const follow = (address: Multiaddr): void => {
    const key = address.toString()
    const peer = peerOf(address)
    if (states.has(key) || peer.equals(init.libp2p.peerId) || states.size >= MAX_FOLLOWED) return
    states.set(key, { address: key, status: 'dialing' })
    void keepConnected(init, address, peer, (state) => states.set(key, state))
  }
  for (const address of init.addresses) {
    if (isBootstrapName(address)) void followName(init, address, states, follow)
    else follow(address)
  }
  return () => [...states.values()]
}

/** Dials the peers behind a name, and looks the name up again from time to time. */
async function followName(
  init: BootstrapDialerInit,
  name: Multiaddr,
  states: Map<string, BootstrapState>,
  follow: (address: Multiaddr) => void,
): Promise<void> {
  const { signal } = init
  const key = name.toString()
  states.set(key, { address: key, status: 'dialing' })
  const log = init.libp2p.logger.forComponent('skein:bootstrap')
  let found = false
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    try {
      using scope = openScope({ timeoutMs: LOOKUP_TIMEOUT_MS }, { owner: signal })
      const peers = await peersOfName(name, init.names, { signal: scope.signal, log })
      found = true
      states.delete(key)
      for (const peer of peers) follow(peer)
    } catch (error) {
      // Peers found earlier are dialled all the same.
      if (!found) states.set(key, { address: key, status: 'waiting', lastError: messageOf(error) })
    }
    const ms = found ? LOOKUP_AGAIN_MS : backoffMs(attempt, BACKOFF, init.random())
    await pause(ms, { signal })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The peer at the end of an address. */
export function peerOf(address: Multiaddr): PeerId {
  const id = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
  if (id === undefined) throw new Error(`${address.toString()} does not end in /p2p/<peer id>`)
  return peerIdFromString(id)
}

async function keepConnected(
  init: BootstrapDialerInit,
  address: Multiaddr,
  peer: PeerId,
  set: (state: BootstrapState) => void,
): Promise<void> {
  const { libp2p, signal } = init
  const text = address.toString()
  let attempt = 0
  let failure: { readonly lastError?: string } = {}
  const wait = (lastError: string): void => {
    failure = { lastError }
    set({ address: text, status: 'waiting', lastError })
  }
  while (!signal.aborted) {
    set({ address: text, status: 'dialing', ...failure })
    using scope = openScope({ timeoutMs: DIAL_TIMEOUT_MS }, { owner: signal })
    try {
      await libp2p.dial(address, { signal: scope.signal })
      attempt = 0
      set({ address: text, status: 'connected' })
      await libp2p.peerStore.merge(peer, { multiaddrs: [address], tags: TAG })
      await disconnected(libp2p, peer, signal)
      wait('the connection was lost')
    } catch (error) {
      wait(init.explain(error))
    }
    const changed = await pauseOrChange(backoffMs(attempt, BACKOFF, init.random()), init)
    attempt = changed ? 0 : attempt + 1
  }
}

/** @returns whether the network changed meanwhile */
async function pauseOrChange(
  ms: number,
  { networkChanged, signal }: Pick<BootstrapDialerInit, 'networkChanged' | 'signal'>,
): Promise<boolean> {
  const waiting = new AbortController()
  let changed = false
  const onChange = (): void => {
    changed = true
    waiting.abort()
  }
  networkChanged.addEventListener('change', onChange, { once: true })
  await pause(ms, { signal: AbortSignal.any([signal, waiting.signal]) })
  networkChanged.removeEventListener('change', onChange)
  return changed
}

function disconnected(
  libp2p: BootstrapDialerInit['libp2p'],
  peer: PeerId,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      libp2p.removeEventListener('peer:disconnect', onDisconnect)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const onDisconnect = (event: CustomEvent<PeerId>): void => {
      if (event.detail.equals(peer)) done()
    }
    libp2p.addEventListener('peer:disconnect', onDisconnect)
    signal.addEventListener('abort', done, { once: true })
    if (libp2p.getConnections(peer).length === 0 || signal.aborted) done()
  })
}
