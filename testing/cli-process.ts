import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
const DEADLINE_MS = 50_000
/** Of a process's output in a failure's message. */
const KEPT_OUTPUT = 2_000

export const LOOPBACK = ['--listen', '/ip4/127.0.0.1/tcp/0'] as const

/** The fields that tests look into, whichever event they belong to. */
export interface CliEvent {
  readonly event: string
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly models: readonly string[]
  readonly reachability: string
  readonly evidence: readonly {
    readonly address: string
    readonly verdict: string
    readonly by?: string
  }[]
  readonly advice?: string
  readonly text: string
  readonly attempts: readonly {
    readonly peerId: string
    readonly reason: string
    readonly outcome: string
  }[]
  readonly verification?: {
    readonly status: string
    readonly parts: readonly { readonly peerId: string }[]
  }
  readonly message: string
  readonly status: string
  readonly invite: string
  readonly pid: number
  readonly promptTokens: number
  readonly contextLength: number
  readonly resumes: number
  readonly url: string
  readonly key: string
}

export interface Finished {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** stdout as events. Throws unless each of its lines is one. */
  events(): CliEvent[]
}

/** A `skein` command as a real process, with directories of its own. */
export interface CliProcess {
  readonly pid: number
  readonly child: ChildProcessWithoutNullStreams
  readonly finished: Promise<Finished>
  stdout(): string
  stderr(): string
  /** Resolves with the first match in stdout so far or to come. */
  seen(pattern: RegExp): Promise<RegExpMatchArray>
  event(name: string): Promise<CliEvent>
}

/** What runs a command line somewhere else when put before it. */
export interface Launcher {
  readonly launch: readonly string[]
}

/** Directories and processes of one test file; all gone after `close`. */
export interface Sandbox {
  readonly home: string
  /** @param machine of an Internet; with none the command runs on this one */
  start(args: readonly string[], env?: Record<string, string>, machine?: Launcher): CliProcess
  run(
    args: readonly string[],
    options?: { stdin?: string; env?: Record<string, string>; machine?: Launcher },
  ): Promise<Finished>
  close(): Promise<void>
}

/** @param deadlineMs longest wait for an event of its processes */
export async function createSandbox(deadlineMs: number = DEADLINE_MS): Promise<Sandbox> {
  const home = await mkdtemp(join(tmpdir(), 'skein-cli-'))
  const running = new Set<CliProcess>()
  const start: Sandbox['start'] = (args, env = {}, machine = HERE) => {
    const process = startCli(args, { ...baseEnv(home), ...env }, machine, deadlineMs)
    running.add(process)
    void process.finished.then(() => running.delete(process))
    return process
  }
  return {
    home,
    start,
    run(args, { stdin = '', env, machine } = {}) {
      const process = start(args, env, machine)
      process.child.stdin.end(stdin)
      return within(
        process.finished,
        () => `\`skein ${args.join(' ')}\` did not end: ${process.stderr()}`,
      )
    },
    async close() {
      for (const { child } of running) child.kill('SIGKILL')
      await Promise.all([...running].map(({ finished }) => finished))
      await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

function baseEnv(home: string): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env
  return {
    PATH,
    NODE_COMPILE_CACHE,
    HOME: home,
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    SKEIN_MDNS: '0',
    SKEIN_UPNP: '0',
  }
}

const HERE: Launcher = { launch: [] }

/** @param deadlineMs longest wait for an event or a match in its output */
export function startCli(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { launch }: Launcher = HERE,
  deadlineMs: number = DEADLINE_MS,
): CliProcess {
  const [command = '', ...rest] = [...launch, process.execPath, MAIN, ...args]
  const child = spawn(command, rest, { env })
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  child.stdout.on('data', (piece: Buffer) => {
    stdout += piece.toString()
    for (const watcher of watchers) watcher()
  })
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString()
  })
  child.stdin.on('error', () => undefined)
  const finished = new Promise<Finished>((resolve) => {
    child.once('error', ({ message }) => {
      stderr += `cannot be started: ${message}`
    })
    child.once('close', (exitCode, signal) => {
      resolve({ exitCode, signal, stdout, stderr, events: () => eventsOf(stdout) })
    })
  })
  const tail = (): string => (stdout + stderr).slice(-KEPT_OUTPUT)
  const seen = (pattern: RegExp): Promise<RegExpMatchArray> => {
    const wait = new Promise<RegExpMatchArray>((resolve, reject) => {
      const watcher = (): void => {
        const match = stdout.match(pattern)
        if (match === null) return
        watchers.delete(watcher)
        resolve(match)
      }
      watchers.add(watcher)
      watcher()
      void finished.then(() => reject(new Error(`ended without ${pattern}: ${tail()}`)))
    })
    return within(wait, () => `no ${pattern} in: ${tail()}`, deadlineMs)
  }
  return {
    pid: child.pid ?? 0,
    child,
    finished,
    stdout: () => stdout,
    stderr: () => stderr,
    seen,
    async event(name) {
      const [line] = await seen(new RegExp(`^\\{"event":"${name}".*\\}$`, 'm'))
      return JSON.parse(line) as CliEvent
    },
  }
}

function eventsOf(stdout: string): CliEvent[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as CliEvent)
}

async function within<T>(
  work: Promise<T>,
  why: () => string,
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(why())), deadlineMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
