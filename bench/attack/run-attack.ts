import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Host } from '../../host/index.ts'
import type { AttackNews, AttackOrder } from './attacker.ts'
import type { Edit } from './defences.ts'
import { ask, openPeer } from './peer.ts'
import type { TargetReady } from './target.ts'

export interface AttackOptions {
  /** How long it lasts. */
  readonly durationMs: number
  /** Between two honest requests of a peer, and of a caller of the gateway, who alternate. */
  readonly everyMs: number
  /** An honest request that takes longer is not answered. */
  readonly deadlineMs: number
}

/** The service that honest callers received from a target under attack. */
export interface Availability {
  readonly asked: number
  readonly answered: number
  /** To the first piece of each answer. */
  readonly latenciesMs: readonly number[]
  /** Why others were not answered. */
  readonly failures: readonly string[]
  /** CPU that the target used for each message of the attack, honest traffic included. NaN without an attack. */
  readonly cpuMsPerMessage: number
}

/** A target in a process of its own. */
export interface Target extends TargetReady, AsyncDisposable {
  /** CPU that it has used, in milliseconds. */
  readonly cpuMs: () => Promise<number>
}

/** Longest wait until an attack has all its connections; a defence may prevent that. */
const ESTABLISH_MS = 20_000

/** Honest traffic alone. */
export const QUIET = 'quiet'

/** One newcomer for each so many honest requests of a peer. */
const NEWCOMER_IN = 4

/** A target in its own process. @param without defences to leave out */
export async function startTarget(without: readonly Edit[] = []): Promise<Target> {
  const edited = without.length > 0
  const child = fork(fileURLToPath(new URL('./target.ts', import.meta.url)), {
    execArgv: edited ? ['--import', new URL('./without.ts', import.meta.url).href] : [],
    env: { ...process.env, ...(edited && { SKEIN_ATTACK_EDITS: JSON.stringify(without) }) },
  })
  const [ready] = (await once(child, 'message')) as [TargetReady]
  return {
    ...ready,
    cpuMs: async () => {
      const answered = once(child, 'message')
      child.send('cpu')
      const [ms] = (await answered) as [number]
      return ms
    },
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}

/**
 * Attacks a target while honest callers ask: the node over a connection that was there, and as a newcomer, and the
 * gateway over HTTP.
 *
 * @param name one of the attacks; `quiet` for honest traffic alone
 */
export async function runAttack(
  target: Target,
  name: string,
  { durationMs, everyMs, deadlineMs }: AttackOptions,
): Promise<Availability> {
  await using honest = await openPeer()
  await honest.connect(target.node)
  // Opened before: beginning a host takes so long that it would delay the answers of others in this process.
  await using newcomers = await openNewcomers(durationMs / everyMs / NEWCOMER_IN)
  const before = await target.cpuMs()
  await using attack = await startAttack(name, target)
  const latenciesMs: number[] = []
  const failures: string[] = []
  let asked = 0
  const one = async (name: string, request: () => Promise<number>): Promise<void> => {
    asked += 1
    try {
      latenciesMs.push(await request())
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const endsAt = performance.now() + durationMs
  const pending: Promise<void>[] = []
  for (let n = 0; performance.now() < endsAt; n += 1) {
    pending.push(one('node', () => ask(honest, target.node, deadlineMs)))
    await wait(everyMs / 2)
    const newcomer = n % NEWCOMER_IN === 0 ? newcomers.next() : undefined
    if (newcomer) pending.push(one('newcomer', () => ask(newcomer, target.node, deadlineMs)))
    pending.push(one('gateway', () => askGateway(target.gateway, deadlineMs)))
    await wait(everyMs / 2)
  }
  await Promise.all(pending)
  const sent = await attack.stop()
  const cpuMsPerMessage = sent === 0 ? Number.NaN : ((await target.cpuMs()) - before) / sent
  return { asked, answered: latenciesMs.length, latenciesMs, failures, cpuMsPerMessage }
}

interface RunningAttack extends AsyncDisposable {
  /** Ends the attack. @returns messages sent */
  readonly stop: () => Promise<number>
}

/** Resolves once the attack holds what it needs. It has less of the processors than the target: it has its own elsewhere. */
async function startAttack(
  name: string,
  { bootstrap, node, gateway }: Target,
): Promise<RunningAttack> {
  if (name === QUIET) return { stop: async () => 0, [Symbol.asyncDispose]: async () => {} }
  const child = fork(fileURLToPath(new URL('./attacker.ts', import.meta.url)))
  setPriority(child.pid ?? 0, constants.priority.PRIORITY_BELOW_NORMAL)
  const order: AttackOrder = { name, target: { bootstrap, node, gateway } }
  child.send(order)
  await Promise.race([news(child), wait(ESTABLISH_MS)])
  return {
    stop: async () => {
      let told = news(child)
      child.send('stop')
      // It may have everything in place only now.
      if ((await told) === 'established') told = news(child)
      const last = await told
      return typeof last === 'object' ? last.sent : 0
    },
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}

/** The next message. @throws where the process ends instead */
async function news(child: ChildProcess): Promise<AttackNews> {
  const over = new AbortController()
  try {
    const ended = once(child, 'exit', over).then(() => {
      throw new Error('the attacking process ended by itself')
    })
    const told = once(child, 'message', over) as Promise<[AttackNews]>
    const [first] = await Promise.race([told, ended])
    return first
  } finally {
    over.abort()
  }
}

interface Newcomers extends AsyncDisposable {
  /** One that the target has not met; `undefined` once all have been. */
  readonly next: () => Host | undefined
}

async function openNewcomers(count: number): Promise<Newcomers> {
  const hosts = await Promise.all(Array.from({ length: Math.ceil(count) }, openPeer))
  const left = hosts.values()
  return {
    next: () => left.next().value,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()))
    },
  }
}

async function askGateway(url: string, deadlineMs: number): Promise<number> {
  const startedAt = performance.now()
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    signal: AbortSignal.timeout(deadlineMs),
    // A new connection for each: one that is open already would not be kept out by others.
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ model: 'scripted', messages: [{ role: 'user', content: 'hello' }] }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`)
  return performance.now() - startedAt
}
