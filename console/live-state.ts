import type { Client } from '../client/index.ts'
import { CONSOLE_LIMITS } from './limits.ts'
import type { LogBook } from './log-book.ts'
import type { PromptBook } from './prompt-book.ts'
import { RequestLog } from './request-log.ts'
import type {
  BatchView,
  ConsoleMessage,
  ConsoleState,
  HereView,
  JoinView,
  KeyView,
  Section,
  SelfView,
} from './state.ts'
import { readSwarm, type SwarmView } from './swarm-view.ts'

export interface LiveStateInit {
  readonly client: Pick<
    Client,
    | 'host'
    | 'marks'
    | 'names'
    | 'observe'
    | 'peers'
    | 'receipts'
    | 'reputation'
    | 'running'
    | 'swarms'
  >
  readonly log: LogBook
  readonly self: () => SelfView
  readonly join: () => JoinView
  /** Of the client's requests. @default prompts are not recorded */
  readonly prompts?: PromptBook | undefined
  /** Models of this machine. @default none */
  readonly here?: (() => HereView) | undefined
  /** Calls back when they change. @returns unsubscribe */
  readonly onHere?: ((listener: () => void) => () => void) | undefined
  /** API keys of the gateway. @default none */
  readonly keys?: (() => readonly KeyView[]) | undefined
  /** Calls back when they change. @returns unsubscribe */
  readonly onKeys?: ((listener: () => void) => () => void) | undefined
}

/** Of batches that change by themselves. */
const RUNNING: ReadonlySet<string> = new Set([
  'validating',
  'in_progress',
  'finalizing',
  'cancelling',
])

/** What a page has been sent so far. */
export interface Seen {
  readonly sections: Readonly<Partial<Record<Section, string>>>
  readonly request: number
  readonly line: number
}

/** Who reads the state. */
export interface Reader {
  /** Whether it has proved more than that it runs on this machine. */
  readonly seesInvite: boolean
}

/** The state of the console. Peers are asked, and running requests read, only while a page is open. */
export class LiveState {
  readonly #init: LiveStateInit
  readonly #requests: RequestLog
  readonly #stopping = new AbortController()
  readonly #waiting = new Set<() => void>()
  readonly #unsubscribe: (() => void)[] = []
  #swarm: SwarmView = { peers: [], models: [] }
  #reading: Promise<void> | undefined
  #viewers: number = 0
  #stopTimers: (() => void) | undefined

  constructor(init: LiveStateInit) {
    this.#init = init
    this.#requests = new RequestLog(init.client, () => this.#changed(), init.prompts)
    this.#unsubscribe.push(init.log.onLine(() => this.#changed()))
    for (const onChange of [init.onHere, init.onKeys]) {
      const unwatch = onChange?.(() => this.#changed())
      if (unwatch !== undefined) this.#unsubscribe.push(unwatch)
    }
    const { host, swarms } = init.client
    const hosts = swarms.length === 0 ? [host] : swarms.map((swarm) => swarm.host)
    let settling: ReturnType<typeof setTimeout> | undefined
    const soon = (): void => {
      clearTimeout(settling)
      settling = setTimeout(() => void this.refresh(), CONSOLE_LIMITS.peersSettleMs)
      settling.unref()
    }
    for (const name of ['peer:connect', 'peer:disconnect'] as const) {
      for (const { libp2p } of hosts) {
        libp2p.addEventListener(name, soon)
        this.#unsubscribe.push(() => libp2p.removeEventListener(name, soon))
      }
    }
  }

  /** The batches of the gateway, once it is open. */
  batches: () => readonly BatchView[] = () => []

  get isClosed(): boolean {
    return this.#stopping.signal.aborted
  }

  /** A page opens. @returns to be called when it closes */
  watch(): () => void {
    this.#viewers += 1
    if (this.#viewers === 1) this.#startTimers()
    void this.refresh()
    return () => {
      this.#viewers -= 1
      if (this.#viewers === 0) this.#stopTimers?.()
    }
  }

  /** Asks the peers again, at most once at a time. */
  async refresh(): Promise<void> {
    if (this.#viewers === 0 || this.#stopping.signal.aborted) return
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    await this.#reading
  }

  /** The same, with questions that are asked after this call. */
  async refreshAnew(): Promise<void> {
    await this.#reading
    await this.refresh()
  }

  /** Everything, and what a page has seen with it. */
  snapshot(reader: Reader): { readonly message: ConsoleMessage; readonly seen: Seen } {
    this.#requests.readRunning()
    const { log } = this.#init
    const state: ConsoleState = {
      ...this.#own(reader),
      ...this.#swarm,
      requests: this.#requests.views(),
      log: log.lines(),
    }
    return { message: { type: 'snapshot', state }, seen: this.#seen(state) }
  }

  /** What changed since; `undefined` if nothing did. */
  changes(
    seen: Seen,
    reader: Reader,
  ): { readonly message: ConsoleMessage; readonly seen: Seen } | undefined {
    const { log } = this.#init
    const now = { ...this.#own(reader), ...this.#swarm }
    const next = this.#seen(now)
    const names = Object.keys(now) as Section[]
    const changed = names.filter((name) => next.sections[name] !== seen.sections[name])
    const requests = this.#requests.views(seen.request)
    const lines = log.lines(seen.line)
    if (changed.length === 0 && requests.length === 0 && lines.length === 0) return undefined
    const sections = Object.fromEntries(changed.map((name) => [name, now[name]]))
    const message = { type: 'changes', sections, requests, log: lines } as const
    return { message, seen: next }
  }

  /** Resolves at the next change, or when the signal fires. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', done, { once: true })
      if (signal.aborted || this.#stopping.signal.aborted) done()
    })
  }

  close(): void {
    this.#stopping.abort()
    this.#stopTimers?.()
    this.#requests.close()
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#changed()
  }

  #seen(state: Pick<ConsoleState, Section>): Seen {
    const { self, join, peers, models, here, batches, keys } = state
    const sections = Object.entries({ self, join, peers, models, here, batches, keys }).map(
      ([name, value]) => [name, JSON.stringify(value)],
    )
    return {
      sections: Object.fromEntries(sections) as Seen['sections'],
      request: this.#requests.changes,
      line: this.#init.log.lines().at(-1)?.id ?? 0,
    }
  }

  /** The sections that are read anew for each message. */
  #own({ seesInvite }: Reader): Pick<ConsoleState, 'batches' | 'here' | 'join' | 'keys' | 'self'> {
    const { self, join, here, keys } = this.#init
    const batches = this.batches().slice(0, CONSOLE_LIMITS.maxBatches)
    const joining = seesInvite ? join() : withoutInvite(join())
    return { self: self(), join: joining, here: here?.(), keys: keys?.(), batches }
  }

  #startTimers(): void {
    const { runningEveryMs, peersEveryMs } = CONSOLE_LIMITS
    const running = setInterval(() => {
      this.#requests.readRunning()
      if (this.batches().some(({ status }) => RUNNING.has(status))) this.#changed()
    }, runningEveryMs)
    const peers = setInterval(() => void this.refresh(), peersEveryMs)
    for (const timer of [running, peers]) timer.unref()
    this.#stopTimers = () => {
      clearInterval(running)
      clearInterval(peers)
    }
  }

  async #read(): Promise<void> {
    const { signal } = this.#stopping
    const timeout = AbortSignal.timeout(CONSOLE_LIMITS.peersTimeoutMs)
    try {
      this.#swarm = await readSwarm(this.#init.client, {
        signal: AbortSignal.any([signal, timeout]),
      })
    } catch {
      // Stopped, or too slow: the last view stands until the next round.
    }
    this.#changed()
  }

  #changed(): void {
    for (const wake of [...this.#waiting]) wake()
  }
}

function withoutInvite(join: JoinView): JoinView {
  if (join.invite === undefined) return join
  const { addresses, api } = join
  return { addresses, isInviteHidden: true, ...(api !== undefined && { api }) }
}
