import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** Another gateway for Node, to compare with. */
const PACKAGE = '@portkey-ai/gateway@1.15.2'
const START_MS = 120_000
/** It writes to the headers of what it fetched, which Node keeps immutable: without this every request fails. */
const MUTABLE_HEADERS = `
const { fetch } = globalThis
globalThis.fetch = async (...args) => {
  const { body, status, headers } = await fetch(...args)
  return new Response(body, { status, headers: [...headers] })
}`

export interface OtherGateway extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** Has it ask this engine. */
  headers(engineUrl: string): Readonly<Record<string, string>>
}

/** Starts it with `npx`, which fetches it the first time. `undefined` where it cannot be had. */
export async function startOtherGateway(): Promise<OtherGateway | undefined> {
  const port = await freePort()
  const child = spawn('npx', ['--yes', PACKAGE, `--port=${port}`, '--headless'], {
    stdio: 'ignore',
    detached: true,
    env: {
      ...process.env,
      NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(MUTABLE_HEADERS)}`,
    },
  })
  // A benchmark that is told to stop takes it along.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void stop(child).then(() => process.exit(1))
    })
  }
  const url = `http://127.0.0.1:${port}`
  const deadline = performance.now() + START_MS
  while (!(await answers(url))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop(child)
      return undefined
    }
    await wait(200)
  }
  return {
    url,
    pid: child.pid ?? 0,
    headers: (engineUrl) => ({
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `${engineUrl}/v1`,
    }),
    [Symbol.asyncDispose]: () => stop(child),
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url, { signal: AbortSignal.timeout(1_000) })).arrayBuffer()
    return true
  } catch {
    return false
  }
}

/** Ends it and what it started: it runs in a group of its own. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
  await exited
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
