import { randomBytes } from 'node:crypto'
import { type Host, setIdle } from '../../host/index.ts'
import { InferenceError, PROTOCOLS } from '../../protocol/index.ts'
import { type Connect, createPeerAttempt, KeptStreams, type PathOf } from '../attempt/index.ts'
import type { DispatchContext } from '../dispatch/index.ts'
import {
  type ConnectionEvents,
  createDirectory,
  createProber,
  createRouter,
  type DirectoryHost,
  PeerPaths,
  watchConnections,
} from '../peers/index.ts'
import { OpenParts } from '../request/index.ts'
import { createTrust, type Trust } from '../trust/index.ts'
import { connectAnew } from './connect-anew.ts'
import { pathAmong } from './path-among.ts'
import type { Settings } from './settings.ts'
import { untilOnline } from './until-online.ts'

/** The part of a host that requests use. */
export type RequesterHost = DirectoryHost &
  Pick<Host, 'bootstrapPeers'> &
  Partial<Pick<Host, 'avoid' | 'findFreshAddresses' | 'isPrivate'>> & {
    readonly libp2p: ConnectionEvents &
      Pick<Host['libp2p'], 'dialProtocol' | 'getConnections' | 'getPeers'>
  }

/** The parts shared by all requests of a client to one swarm. */
export interface ClientParts {
  readonly context: DispatchContext
  readonly trust: Trust
  /** Aborts when the client closes. */
  readonly closing: AbortSignal
  /** Closes every part, even if one of them fails to close. */
  close(): Promise<void>
}

/** @throws InferenceError `invalid_request` for an invalid canary mode */
export function assembleClient(host: RequesterHost, settings: Settings): ClientParts {
  const { requestLimits, discoveryLimits, clock, random, budgets } = settings
  const closing = new AbortController()
  const connect: Connect = (peerId, protocol, options) =>
    host.libp2p.dialProtocol(peerId, protocol, options)
  const paths = new PeerPaths(host.libp2p)
  const kept = new KeptStreams({
    clock,
    speaks: (peerId) => host.book.get(peerId)?.protocols.includes(PROTOCOLS.keptInference) === true,
    isDirect: (peerId) => paths.of(peerId.toString()) === 'direct',
    setIdle,
  })
  const pathOf: PathOf = (peerId, stream) => pathAmong(host, clock, peerId, stream)
  const attempt = createPeerAttempt({ connect, clock, kept, pathOf })
  const directory = createDirectory({
    host,
    limits: discoveryLimits,
    isConnected: (peerId) => host.libp2p.getConnections(peerId).length > 0,
    clock,
    random,
  })
  const trust = createTrust({ ...settings, attempt, directory, limits: requestLimits })
  const router = createRouter({
    trust: trust.trustOf,
    clock,
    random,
    salt: randomBytes(16),
    pathTo: (peer) => paths.of(peer),
    onAnswered: (peer) => host.book.answered(peer),
  })
  const prober = createProber({
    connect,
    isConnected: (peerId) => host.libp2p.getPeers().some((peer) => peer.equals(peerId)),
    timeoutMs: discoveryLimits.probeTimeoutMs,
    clock,
    pool: router.pool,
    onRtt: (peer, rttMs) => router.observeRtt(peer, rttMs),
  })
  const unwatch = watchConnections(host.libp2p, (peer, isConnected) => {
    router.connected(peer, isConnected)
    directory.connection(peer, isConnected)
  })
  const parts = new OpenParts()
  parts.defer(() => kept.close())
  parts.defer(() => directory.close())
  parts.defer(() => prober.close())
  parts.defer(() => router.close())
  parts.defer(unwatch)
  parts.defer(() => paths.close())
  parts.defer(() => closing.abort(new InferenceError('cancelled', 'the client is closed')))
  return {
    context: {
      clock,
      host,
      attempt: createPeerAttempt({ connect: connectAnew(host), clock, kept, pathOf }),
      directory,
      prober,
      router,
      affinity: settings.affinity,
      carriesTraces: host.isPrivate === true,
      admits: trust.trustOf.admits,
      budget: budgets.budget,
      reserve: budgets.reserve,
      batchBudgets: settings.batchBudgets,
      ...(trust.onAnswered !== undefined && { onAnswered: trust.onAnswered }),
      online: (options) => untilOnline(host.libp2p, clock, options),
      random,
    },
    trust,
    closing: closing.signal,
    close: () => parts[Symbol.asyncDispose](),
  }
}
