import { setMaxListeners } from 'node:events'
import type { Connection, Stream, StreamHandler } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { createHost, type Host, networkOf } from '../host/index.ts'
import { Ledger, receiptPeers, ServedLog } from '../ledger/index.ts'
import {
  InferenceError,
  type Load,
  type ModelAdvertisement,
  type NodeState,
  PROTOCOLS,
} from '../protocol/index.ts'
import type { AbortOptions } from '../timing/index.ts'
import { settledWithin, systemClock } from '../timing/index.ts'
import { checkAccess, Gate, keepDebts, peerIdSet } from './admission/index.ts'
import { Advertiser, provideKeys, Reprovider } from './advertise/index.ts'
import { engineReady } from './engine-ready.ts'
import { EngineWatch } from './engine-watch.ts'
import { Farewell } from './farewell.ts'
import { InForce, type LiveNodeSettings } from './live-settings.ts'
import type { Node, NodeInit } from './node-init.ts'
import { NodeStatus } from './node-status.ts'
import { ping } from './ping.ts'
import { type ServeContext, serveInference, serveKeptInference, serveProbe } from './serve/index.ts'
import { createServeContext } from './serve-context.ts'
import { defaultQueue, type ResolvedLimits, resolveLimits } from './settings.ts'
import { checkShared, SharedModels } from './shared-models.ts'
import { advertisedStatement } from './statement.ts'

/** Streams of one connection. A gateway may have hundreds of users behind one; the ledger sets the real bound. */
const MAX_STREAMS_PER_CONNECTION = 1_024
/** A node with peers around is ready when it can be found, or after this long. */
const FIRST_PROVIDE_MS = 2_000
/**
 * Starts a contributor node. Resolves once it is ready: engine ready, advertisement offered, and, where peers are
 * connected, provider records placed (or two seconds spent on it).
 *
 * @throws InferenceError `model_not_found` for a name in `share` that the engine does not have, or no model at all;
 *   `loading` when the engine was not ready in time; `engine_failed` when it cannot be asked.
 */
export async function createNode(init: NodeInit, options: AbortOptions = {}): Promise<Node> {
  options.signal?.throwIfAborted()
  // Everything is validated before the host starts.
  const inForce = new InForce(init, init.markOf)
  checkCredit(init)
  const models = new SharedModels(init.backend, init.share)
  checkShared(await models.refresh(options).catch(toEngineFailure), init)
  const host = await createHost({ relay: 'when-public', ...init.host, dht: 'server' })
  return await startNode(host, models, inForce, init, options).catch(async (error: unknown) => {
    await host[Symbol.asyncDispose]()
    throw error
  })
}

async function startNode(
  host: Host,
  models: SharedModels,
  inForce: InForce,
  init: NodeInit,
  options: AbortOptions,
): Promise<Node> {
  checkRole(host)
  const { slots } = await init.backend.load(options).catch(toEngineFailure)
  const node = new ContributorNode(host, models, inForce, init, Math.max(1, init.slots ?? slots))
  try {
    await node.start(options)
  } catch (error) {
    await node[Symbol.asyncDispose]()
    throw error
  }
  return node
}

/** @throws InferenceError `invalid_request` in a swarm in which this machine may only ask */
function checkRole({ membership }: Host): void {
  if (membership?.role !== 'client') return
  throw new InferenceError(
    'invalid_request',
    `this machine is a client of the swarm ${membership.swarm}: it may ask, not serve. An admin can invite it as a node`,
  )
}

class ContributorNode implements Node {
  readonly host: Host
  readonly ledger: Ledger
  readonly #init: NodeInit
  readonly #limits: ResolvedLimits
  readonly #models: SharedModels
  readonly #inForce: InForce
  readonly #gate: Gate
  readonly #status: NodeStatus
  readonly #advertiser: Advertiser
  readonly #reprovider: Reprovider
  readonly #watch: EngineWatch
  readonly #context: ServeContext
  readonly #farewell: Farewell
  readonly #halt = new AbortController()
  readonly #attempts = new Set<Promise<void>>()
  #debts: AsyncDisposable | undefined
  #drained: Promise<void> | undefined

  constructor(host: Host, models: SharedModels, inForce: InForce, init: NodeInit, slots: number) {
    const { now = systemClock.wall, random = Math.random, backend } = init
    const { logger } = host.libp2p
    const limits = resolveLimits(init, slots)
    // One listener for each request that runs.
    setMaxListeners(0, this.#halt.signal)
    this.host = host
    this.#init = init
    this.#limits = limits
    this.#models = models
    this.#inForce = inForce
    this.#gate = new Gate({
      ...{ slots, maxQueue: limits.maxQueue, now },
      isConnected: (peer) => host.libp2p.getConnections(peerIdFromString(peer)).length > 0,
    })
    this.#status = new NodeStatus(backend, this.#gate, init.slots !== undefined)
    const served = new ServedLog()
    this.ledger = new Ledger({
      ...{ host, served, now, random },
      friends: [...peerIdSet(init.friends)],
      ...(init.creditTo !== undefined && { beneficiary: init.creditTo }),
      admit: (peer) => checkAccess(inForce, peer.toString()),
      dataDir: init.host.dataDir,
      onFault: init.host.onFault,
      ...receiptPeers(host),
    })
    this.#context = createServeContext({
      ...{ host, init, models, inForce, limits, served, now },
      given: (peer) => this.ledger.trust.given(peer),
      status: this.#status,
      gate: this.#gate,
      signal: this.#halt.signal,
    })
    this.#farewell = new Farewell({
      roundTrip: (peer, { signal }) => ping(host, peer, signal),
      now,
    })
    const log = logger.forComponent('skein:node:advertise')
    const statement = () =>
      advertisedStatement({ host, init, inForce, models, status: this.#status, gate: this.#gate })
    this.#advertiser = new Advertiser({ host, statement, now, random, log })
    const keys = () => provideKeys(host.peerId, models.all())
    this.#reprovider = new Reprovider({ host, keys, random, log })
    this.#watch = new EngineWatch({
      status: this.#status,
      models,
      onModels: async () => await this.#advertise(),
      onReady: () => this.#advertiser.refreshIfMoved(),
      onEngine: (state) => init.onEngine?.(state),
      isUsed: () => this.#attempts.size > 0,
      log: logger.forComponent('skein:node:engine'),
    })
  }

  async start(options: AbortOptions): Promise<void> {
    const { libp2p } = this.host
    const streams = {
      maxInboundStreams: MAX_STREAMS_PER_CONNECTION,
      maxOutboundStreams: MAX_STREAMS_PER_CONNECTION,
      runOnLimitedConnection: true,
    }
    const { dataDir, onFault = () => {} } = this.#init.host
    this.#debts = await keepDebts(this.#context.fairness, dataDir, onFault)
    await libp2p.handle(PROTOCOLS.probe, this.#onProbe, streams)
    await libp2p.handle(PROTOCOLS.inference, this.#serveWith(serveInference), streams)
    await libp2p.handle(PROTOCOLS.keptInference, this.#serveWith(serveKeptInference), streams)
    await this.ledger.start()
    await engineReady(this.#status, this.#limits.loadTimeoutMs, options)
    // An engine may report more about its models once it is loaded.
    checkShared(await this.#models.refresh(options).catch(toEngineFailure), this.#init)
    this.#watch.start()
    // Readers of the first advertisement should be able to dial its addresses.
    await this.host.relayed(options)
    await this.#advertiser.start()
    await settledWithin(this.#reprovider.start(), FIRST_PROVIDE_MS)
  }

  state(): NodeState {
    return this.#status.state
  }

  models(): readonly ModelAdvertisement[] {
    return this.#models.all()
  }

  async share(models: readonly string[] | undefined, options: AbortOptions = {}): Promise<void> {
    const { changed } = await this.#models
      .reshare(models, { ...options, startEmpty: true })
      .catch(toEngineFailure)
    if (changed) await this.#advertise()
  }

  async refresh(options: AbortOptions = {}): Promise<void> {
    const { changed } = await this.#models.refresh(options).catch(toEngineFailure)
    if (changed) await this.#advertise()
  }

  load(): Load {
    return this.#status.load
  }

  async update(settings: LiveNodeSettings): Promise<void> {
    // Throws before anything changes.
    new InForce(settings)
    const { changed } = await this.#models
      .reshare(settings.share, { startEmpty: this.#init.startEmpty === true })
      .catch(toEngineFailure)
    const isOther = changed || (settings.maxTokens ?? 0) !== this.#inForce.maxTokens
    this.#inForce.replace(settings)
    this.#gate.limitQueue(settings.maxQueue ?? defaultQueue(this.#gate.occupancy.slots))
    this.#context.pacer.limit(settings.maxTokensPerSecond ?? 0)
    // The settings hold; other peers learn of them at the next advertisement if not now.
    const refreshed = [
      ...(changed ? [this.#reprovider.refresh()] : []),
      ...(isOther ? [this.#advertiser.refresh()] : []),
    ]
    for (const { status, ...result } of await Promise.allSettled(refreshed)) {
      if (status === 'fulfilled') continue
      this.#context.log.error('could not advertise other settings: %e', result)
    }
  }

  drain(options: AbortOptions = {}): Promise<void> {
    this.#drained ??= this.#drain()
    const halt = (): void => this.#haltNow()
    options.signal?.addEventListener('abort', halt, { once: true })
    if (options.signal?.aborted === true) halt()
    return this.#drained.finally(() => options.signal?.removeEventListener('abort', halt))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#haltNow()
    await this.drain()
  }

  async #drain(): Promise<void> {
    this.#status.startDraining()
    this.#watch.stop()
    const tooLong = systemClock.after(this.#limits.drainTimeoutMs, () => this.#haltNow())
    await Promise.all([
      this.#reprovider.stop(),
      this.#advertiser.withdraw().catch((error: unknown) => {
        this.#context.log.error('could not withdraw: %e', error)
      }),
    ])
    this.#context.kept.close()
    // Running requests end by themselves or by the halt, within their deadlines. New ones are refused and need no
    // waiting.
    await Promise.all([...this.#attempts])
    await this.#gate.idle()
    tooLong[Symbol.dispose]()
    await this.#farewell.say()
    await this.ledger[Symbol.asyncDispose]()
    await this.#debts?.[Symbol.asyncDispose]()
    try {
      await this.host[Symbol.asyncDispose]()
    } catch (error) {
      this.#context.log.error('the host did not stop cleanly: %e', error)
    }
  }

  /** After a change of what is shared. */
  async #advertise(): Promise<void> {
    await Promise.all([this.#reprovider.refresh(), this.#advertiser.refresh()])
  }

  #haltNow(): void {
    this.#halt.abort(new InferenceError('draining', 'this node is leaving now'))
  }

  #serveWith(serve: typeof serveInference): StreamHandler {
    return (stream, { remotePeer, remoteAddr }) => {
      const network = networkOf(remoteAddr) ?? ''
      const caller = { peer: remotePeer.toString(), network }
      const served = serve(stream, caller, this.#context)
      return this.#track(served.finally(() => this.#farewell.note(remotePeer)))
    }
  }

  readonly #onProbe = (stream: Stream, { remotePeer }: Connection): Promise<void> =>
    this.#track(serveProbe(stream, remotePeer.toString(), this.#context))

  #track(attempt: Promise<void>): Promise<void> {
    this.#watch.wake()
    const tracked = attempt
      .catch((error: unknown) => this.#context.log.error('a handler failed: %e', error))
      .finally(() => this.#attempts.delete(tracked))
    this.#attempts.add(tracked)
    return tracked
  }
}

function checkCredit({ creditTo, friends }: NodeInit): void {
  peerIdSet(creditTo === undefined ? friends : [creditTo, ...(friends ?? [])])
}

function toEngineFailure(error: unknown): never {
  throw InferenceError.from(error, 'engine_failed')
}
