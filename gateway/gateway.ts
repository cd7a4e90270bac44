import { Hono } from 'hono'
import { defined, drawHex, InferenceError, plainError, plainLine } from '../protocol/index.ts'
import { diskFaultOf, isOutOfSpace } from '../storage/index.ts'
import { systemClock } from '../timing/index.ts'
import { admitted } from './admitted.ts'
import { IGNORED_HEADER, ignoredHeader } from './answering/index.ts'
import { messages } from './anthropic/index.ts'
import { Batches, batchRoutes, OpenedBatches } from './batches/index.ts'
import type { GatewayContext, GatewayEnv } from './context.ts'
import { GATEWAY_LIMITS, type GatewayLimits } from './defaults.ts'
import { errorFormatOf } from './dialects.ts'
import { explainedClient } from './explained-client.ts'
import type { GatewayClient } from './gateway-client.ts'
import { errorResponse, failureOf, HttpRefusal, untilAborted } from './http/index.ts'
import { idempotency } from './idempotency/index.ts'
import type { LiveSettings } from './live-settings.ts'
import type { LocalModels } from './local-models.ts'
import { createMetrics } from './metrics/index.ts'
import {
  ollamaAnswers,
  ollamaEmbed,
  ollamaLocal,
  ollamaModels,
  ollamaOther,
} from './ollama/index.ts'
import { chatCompletions, completions, embeddings, models } from './openai/index.ts'
import { type GatewayPages, servePages } from './pages.ts'
import { queuedClient, RequestQueue } from './queue/index.ts'
import { type OwnerRules, requireOwner, whyNotOwner } from './require-owner.ts'
import { responses } from './responses/index.ts'
import {
  type ApiKeys,
  createRateLimit,
  hostCheck,
  KeyBudgets,
  KeyRing,
  METRICS_PATH,
  meteredClient,
  origins,
  permittedClient,
  type SpentTokens,
  UNLIMITED,
} from './security/index.ts'
import { sharedListing } from './shared-listing.ts'
import { unrouted } from './unrouted.ts'
import { countedClient, type OnUsage } from './usage/index.ts'

/** Who may call, how often, and how long things may take. */
export interface GatewayInit extends Partial<GatewayLimits>, LiveSettings {
  /**
   * API keys, or a function that returns those that hold now. Once there was a key, one is required.
   * @default none: open to every caller that can reach it
   */
  readonly apiKeys?: ApiKeys
  /** Whether `GET /metrics` answers. @default false: in-process they have no reader */
  readonly metrics?: boolean
  /** More metrics in Prometheus' text format, which `GET /metrics` adds. @default none */
  readonly moreMetrics?: () => Promise<string>
  /** Where files and batches are kept. No other gateway may use it. @default none: files and batches are refused */
  readonly stateDir?: string
  /** Pages for browsers. @default none */
  readonly pages?: GatewayPages
  /** Models of this machine, which callers with every right may change. @default none */
  readonly localModels?: LocalModels
  /** Receives what each request used, by key and model, when it ends. Must not throw. @default ignored */
  readonly onUsage?: OnUsage
  /** Tokens that a key has used, as `onUsage` had them recorded: for budgets. @default counted since the start */
  readonly spentTokens?: SpentTokens
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number
  /** Receives internal failures of the gateway, and the `x-request-id` of the request where there is one. @default ignored */
  readonly log?: (message: string, about?: { readonly requestId: string }) => void
}

/** `Request → Response`: in-process, behind a server, or in a browser. */
export interface Gateway {
  /**
   * Like the global `fetch`, for any host in the URL. Failures are in the response.
   *
   * @throws the reason of the caller's signal
   */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /** Replaces these settings; those that are left out return to their defaults. Running requests go on. */
  readonly update: (settings: LiveSettings) => void
  /** Stops observing the client, which stays open, and its batches, which continue when their directory is opened again. */
  close(): Promise<void>
}

/** Health paths, which need no key. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/health', '/healthz', '/readyz'])

/** Paths with names chosen by callers. */
const WITH_ID = /^\/v1\/(models|files|batches)\/[^/]+(\/content|\/cancel)?$/

/** The endpoints of OpenAI's API, and others', over a client. */
export function createGateway(client: GatewayClient, init: GatewayInit = {}): Gateway {
  const { respond, update, close } = openGateway(client, init)
  return {
    fetch: async (input, options) => {
      const isRequest = typeof input === 'object' && 'headers' in input && options === undefined
      const request = isRequest ? input : new Request(input, options)
      return await untilAborted(request.signal, async () => await respond(request))
    },
    update,
    close,
  }
}

/** A gateway for a server, where an aborted request has no reader for its error. */
export interface OpenGateway extends Pick<Gateway, 'close' | 'update'> {
  /** Never rejects. @param remoteAddress IP address of the caller */
  readonly respond: (request: Request, remoteAddress?: string) => Response | Promise<Response>
}

/** {@link createGateway} for a server. */
export function openGateway(asked: GatewayClient, init: GatewayInit = {}): OpenGateway {
  const { client, local: localModels } = sharedListing(asked, init.localModels, systemClock)
  const limits = { ...GATEWAY_LIMITS, ...defined(init) }
  let live: LiveSettings = init
  const log = init.log ?? (() => {})
  const now = init.now ?? Date.now
  const keys = new KeyRing(init.apiKeys ?? [], now)
  const ownerRules = (): OwnerRules => ({ keys, trustsLoopback: live.trustsLoopback !== false })
  const budgets = new KeyBudgets({
    budgetOf: (caller) => keys.budgetOf(caller),
    spent: init.spentTokens,
    now,
  })
  const record = init.onUsage
  const onUsage: OnUsage | undefined =
    record &&
    ((usage) => {
      budgets.recorded(usage)
      record(usage)
    })
  const rateLimit = createRateLimit(
    () => live.rateLimits ?? UNLIMITED,
    (caller) => keys.limitsOf(caller),
    budgets,
  )
  const queue = new RequestQueue({
    maxQueued: limits.maxQueued,
    maxQueuedPerKey: limits.maxQueuedPerKey,
    slots: (model) => client.slots?.(model) ?? 0,
    weightOf: (caller) => keys.weightOf(caller),
    clock: systemClock,
    onTurn: (waitedMs) => metrics?.queued(waitedMs),
  })
  const metrics = init.metrics === true ? createMetrics(client, queue) : undefined
  const explained = localModels === undefined ? client : explainedClient(client, localModels)
  // The key may have been removed while the request waited.
  const queued = queuedClient(explained, queue, systemClock, ({ caller, request }) => {
    keys.checkModels(caller, request)
  })
  const metered = meteredClient(queued, rateLimit)
  const context: GatewayContext = {
    client: permittedClient(
      onUsage === undefined ? metered : countedClient(metered, onUsage),
      keys,
    ),
    metrics,
    limits,
    now,
    log,
    local: localModels,
    mayManage: (c) => whyNotOwner(c, ownerRules()) === undefined,
    requireOwner: (c) => requireOwner(c, ownerRules()),
    checkModels: (caller, named) => keys.checkModels(caller, named),
    rightsOf: (caller) => keys.rightsOf(caller),
    within: (caller, options) => keys.within(caller, options),
  }
  const { stateDir } = init
  const openBatches = (directory: string): Promise<Batches> =>
    Batches.open({
      ...{ ...context, directory, meter: rateLimit, clock: systemClock },
      ...defined({ onUsage }),
    })
  const batches =
    stateDir === undefined ? undefined : new OpenedBatches(() => openBatches(stateDir), log)

  const app = new Hono<GatewayEnv>()
  /** Of all routes, once they are set up. */
  const paths = new Set<string>()
  /** A path as a metric label, bounded because callers can invent paths. */
  const routeOf = (path: string): string => {
    const named = WITH_ID.exec(path)
    if (named !== null) return `/v1/${named[1]}/{id}${named[2] ?? ''}`
    return paths.has(path) ? path : 'other'
  }
  app.use(async (c, next) => {
    const requestId = `req_${drawHex(12)}`
    const startedAt = performance.now()
    c.set('requestId', requestId)
    c.set('startedAt', startedAt)
    await next()
    const caller = c.get('caller')
    // Set on the response itself: `c.header` would make a new response for each.
    const { headers } = c.res
    if (c.req.method === 'POST' && caller !== undefined) {
      const left = rateLimit.headers(caller)
      for (const name in left) headers.set(name, left[name] ?? '')
    }
    metrics?.answered(routeOf(c.req.path), c.res.status)
    headers.set('x-request-id', requestId)
    const ahead = c.get('queued')
    if (ahead !== undefined) headers.set('x-skein-queue-position', String(ahead))
    const ignored = ignoredHeader(c)
    if (ignored !== undefined) headers.set(IGNORED_HEADER, ignored)
    headers.set('openai-processing-ms', String(Math.round(performance.now() - startedAt)))
  })
  app.onError((error, c) => {
    const format = errorFormatOf(c.req.path)
    if (error instanceof HttpRefusal) return error.response(c.get('requestId'), format)
    const failure = failureOf(error, c.req.raw.signal)
    if (failure.code === 'internal' || isOutOfSpace(failure.cause)) {
      log(`${c.req.method} ${plainLine(c.req.path)}: ${logged(error)}`, {
        requestId: c.get('requestId'),
      })
    }
    return errorResponse(failure, c.get('requestId'), format)
  })
  app.notFound((c) => unrouted(app, c.req).response(c.get('requestId'), errorFormatOf(c.req.path)))
  const checkHost = hostCheck(() => live.allowedHosts)
  const allowOrigins = origins(() => live.corsOrigins ?? [])
  init.pages?.attach?.({ batches: () => batches?.current?.all() ?? [] })
  const pages = init.pages && servePages(init.pages, keys)
  // Few steps: each of its own costs every request two promises and a closure.
  app.use((c, next) => {
    // A rebinding page has no key, and health is not secret.
    if (!keys.isRequired && !OPEN_PATHS.has(c.req.path)) checkHost(c)
    return pages?.(c) ?? allowOrigins(c, next)
  })
  app.use(admitted({ keys, rateLimit, limits, isOpen: (path) => OPEN_PATHS.has(path) }))
  app.use(
    '/v1/*',
    idempotency(limits, (caller) => keys.rightsOf(caller)),
  )
  if (metrics !== undefined) {
    const { contentType } = metrics
    app.get(METRICS_PATH, async (c) =>
      c.body([await metrics.text(), await init.moreMetrics?.()].join(''), 200, {
        'content-type': contentType,
      }),
    )
  }
  for (const path of ['/health', '/healthz']) app.get(path, (c) => c.json({ status: 'ok' }))
  app.get('/readyz', async (c) => {
    if (client.names.providers.length > 0) return c.json({ status: 'ready' })
    const found = await client.models({ signal: c.req.raw.signal })
    const met = found.filter(({ peers }) => peers.length > 0)
    if (met.length > 0) return c.json({ status: 'ready', models: met.length })
    throw new InferenceError('no_peers', 'peers are known only by hearsay, and none was reached')
  })
  app.route('/', chatCompletions(context))
  app.route('/', completions(context))
  app.route('/', embeddings(context))
  app.route('/', models(context))
  app.route('/', batchRoutes(context, batches))
  app.route('/', responses(context))
  app.route('/', messages(context))
  app.route('/', ollamaAnswers(context))
  app.route('/', ollamaEmbed(context))
  app.route('/', ollamaModels(context))
  app.route('/', ollamaLocal(context))
  app.route('/', ollamaOther())
  for (const { path } of app.routes) paths.add(path)
  return {
    respond: (request, remoteAddress) =>
      app.fetch(request, remoteAddress === undefined ? {} : { remoteAddress }),
    update(settings) {
      live = settings
      // The endpoints read the time limit from here.
      limits.timeoutMs = settings.timeoutMs ?? GATEWAY_LIMITS.timeoutMs
    },
    async close() {
      metrics?.close()
      await batches?.close()
    },
  }
}

/** An error for the log. A full disk is nothing in this code, so that it needs no stack. */
function logged(error: Error): string {
  const fault = diskFaultOf(error)
  return fault === undefined ? plainError(error) : `${fault.reason} (${plainLine(error.message)})`
}
