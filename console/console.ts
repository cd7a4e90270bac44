import type { GatewayBatch, GatewayPages, PageVisitor } from '../gateway/index.ts'
import { ConsoleAccess, type Refusal } from './access.ts'
import { type ActionContext, act } from './actions.ts'
import { asset } from './assets.ts'
import { stateEvents } from './event-stream.ts'
import { CONSOLE_LIMITS } from './limits.ts'
import { LiveState, type LiveStateInit } from './live-state.ts'
import type { BatchView } from './state.ts'

export interface ConsoleInit extends Omit<LiveStateInit, 'client'>, Omit<ActionContext, 'client'> {
  readonly client: LiveStateInit['client'] & ActionContext['client']
}

/** The console's page, its event stream and its actions. */
export interface Console extends GatewayPages, AsyncDisposable {
  /** The state as server-sent events, for readers of this process's owner. Ends with the signal. */
  events(signal: AbortSignal): AsyncGenerator<string, void, void>
  /** Ends the open event streams. */
  close(): void
}

/** A batch as the page shows it. */
function batchView(batch: GatewayBatch): BatchView {
  const { id, endpoint, status, created_at: createdAt, counts, errors } = batch
  const messages = errors.map(({ line, message }) =>
    line === null ? message : `line ${line}: ${message}`,
  )
  return {
    ...{ id, endpoint, status, createdAt, counts },
    errors: messages.slice(0, CONSOLE_LIMITS.maxBatchErrors),
    ...(batch.hasOutput && { outputFile: batch.output_file_id }),
    ...(batch.hasErrors && { errorFile: batch.error_file_id }),
  }
}

export function createConsole(init: ConsoleInit): Console {
  const access = new ConsoleAccess()
  const state = new LiveState(init)
  const viewers = new Set<AbortController>()
  let isClosed = false
  const close = (): void => {
    isClosed = true
    for (const viewer of viewers) viewer.abort()
    state.close()
  }

  const events = (request: Request, visitor: PageVisitor): Response => {
    if (isClosed) return Response.json({ error: 'the gateway is stopping' }, { status: 503 })
    const viewer = new AbortController()
    viewers.add(viewer)
    const [oldest] = viewers
    if (viewers.size > CONSOLE_LIMITS.maxViewers) oldest?.abort()
    const signal = AbortSignal.any([viewer.signal, request.signal])
    signal.addEventListener('abort', () => viewers.delete(viewer), { once: true })
    const reader = {
      isStillAccepted: () => access.refusal(request.headers, visitor.now()) === undefined,
      // Without keys every user of this machine is let in.
      get seesInvite() {
        return visitor.now().keysRequired
      },
    }
    return streamed(stateEvents(state, signal, reader), () => {
      viewer.abort()
      viewers.delete(viewer)
    })
  }

  const respond = async (request: Request, visitor: PageVisitor): Promise<Response> => {
    const { pathname } = new URL(request.url)
    const { method, headers } = request
    const file =
      method === 'GET' ? await asset(pathname, access.tokenFor(headers, visitor)) : undefined
    if (file !== undefined) return file
    const refusal = access.refusal(headers, visitor)
    if (refusal !== undefined) return refused(refusal)
    if (method === 'GET' && pathname === '/console/events') return events(request, visitor)
    if (method === 'POST' && pathname === '/console/actions') {
      const { status, answer } = await act(await readJson(request), init)
      // What was changed is shown at once.
      void state.refreshAnew()
      return Response.json(answer, { status })
    }
    return Response.json({ error: `no such page: ${method} ${pathname}` }, { status: 404 })
  }

  return {
    attach({ batches }) {
      state.batches = () => batches().map(batchView)
    },
    owns: (request) => {
      const { pathname } = new URL(request.url)
      if (pathname.startsWith('/console/')) return true
      // Ollama's clients ask for the same path, and expect text.
      return pathname === '/' && (request.headers.get('accept')?.includes('text/html') ?? false)
    },
    respond,
    events: (signal) =>
      stateEvents(state, signal, { seesInvite: true, isStillAccepted: () => true }),
    close,
    [Symbol.asyncDispose]: () => {
      close()
      return Promise.resolve()
    },
  }
}

const WHY: Readonly<Record<NonNullable<Refusal>, string>> = {
  key: 'this needs one of the gateway’s keys',
  rights: 'this needs a key that is not restricted to models, limits or days',
  loopback:
    'without API keys the console opens on the machine itself only, at http://127.0.0.1; create a key to open it from elsewhere (gateway key add NAME)',
  token: 'the page is out of date: reload it',
}

function refused(refusal: NonNullable<Refusal>): Response {
  const status = refusal === 'loopback' || refusal === 'rights' ? 403 : 401
  return Response.json({ error: WHY[refusal], refusal }, { status })
}

async function readJson(request: Request): Promise<unknown> {
  const length = Number(request.headers.get('content-length') ?? 'none')
  if (!(length <= CONSOLE_LIMITS.maxActionBytes)) return undefined
  try {
    return await request.json()
  } catch {
    return undefined
  }
}

function streamed(texts: AsyncGenerator<string, void, void>, onCancel: () => void): Response {
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await texts.next()
        if (next.done === true) controller.close()
        else controller.enqueue(encoder.encode(next.value))
      },
      async cancel() {
        onCancel()
        await texts.return()
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'cross-origin-resource-policy': 'same-origin',
    },
  })
}
