import { watchForIdle } from '../process-time.ts'

/** Longest wait for an event of a command, without the time in which its process works or waits for a processor. */
export const DEADLINE_MS = 50_000
/** The same in all, as a multiple. */
const MAX_DEADLINES = 3
/** Characters of a command's output in the message of a failure. */
const KEPT_OUTPUT = 2_000

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
  /** URL of the console. */
  readonly console?: string
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

/** A running `skein` command. */
export interface CliCommand {
  readonly finished: Promise<Finished>
  stdout(): string
  stderr(): string
  /** Resolves with the first match in stdout so far or to come. */
  seen(pattern: RegExp): Promise<RegExpMatchArray>
  event(name: string): Promise<CliEvent>
}

/** What a command has written, and waits for what it will write. */
export class CommandOutput {
  stdout = ''
  stderr = ''
  readonly #watchers = new Set<() => void>()
  readonly #watch: Watch

  constructor(watch: Watch = byClock(DEADLINE_MS)) {
    this.#watch = watch
  }

  addStdout(text: string): void {
    this.stdout += text
    for (const watcher of this.#watchers) watcher()
  }

  end(exitCode: number | null, signal: NodeJS.Signals | null): Finished {
    const { stdout, stderr } = this
    return { exitCode, signal, stdout, stderr, events: () => eventsOf(stdout) }
  }

  /** The command as tests see it. */
  command(finished: Promise<Finished>): CliCommand {
    const seen = (pattern: RegExp): Promise<RegExpMatchArray> => this.#seen(pattern, finished)
    return {
      finished,
      stdout: () => this.stdout,
      stderr: () => this.stderr,
      seen,
      async event(name) {
        const [line] = await seen(new RegExp(`^\\{"event":"${name}".*\\}$`, 'm'))
        return JSON.parse(line) as CliEvent
      },
    }
  }

  #seen(pattern: RegExp, finished: Promise<Finished>): Promise<RegExpMatchArray> {
    const wait = new Promise<RegExpMatchArray>((resolve, reject) => {
      const watcher = (): void => {
        const match = this.stdout.match(pattern)
        if (match === null) return
        this.#watchers.delete(watcher)
        resolve(match)
      }
      this.#watchers.add(watcher)
      watcher()
      finished.then(
        () => reject(new Error(`ended without ${pattern}: ${this.#tail()}`)),
        (error: unknown) => reject(error as Error),
      )
    })
    return within(wait, () => `no ${pattern} in: ${this.#tail()}`, this.#watch)
  }

  #tail(): string {
    return (this.stdout + this.stderr).slice(-KEPT_OUTPUT)
  }
}

function eventsOf(stdout: string): CliEvent[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as CliEvent)
}

/** Calls back when a wait has lasted too long. */
export type Watch = (onLate: () => void) => Disposable

function byClock(deadlineMs: number): Watch {
  return (onLate) => {
    const timer = setTimeout(onLate, deadlineMs)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  }
}

/** On a loaded machine a process gets no processor for long: that does not count. */
export function byProcess(pid: number, deadlineMs: number): Watch {
  return (onStuck) =>
    watchForIdle(pid, { idleS: deadlineMs / 1_000, maxMs: MAX_DEADLINES * deadlineMs, onStuck })
}

/** @throws Error with the message of `why` when it has lasted too long */
export async function within<T>(
  work: Promise<T>,
  why: () => string,
  watch: Watch = byClock(DEADLINE_MS),
): Promise<T> {
  const late = Promise.withResolvers<never>()
  using _watch = watch(() => late.reject(new Error(why())))
  return await Promise.race([work, late.promise])
}
