import { setTimeout as sleep } from 'node:timers/promises'
import { CATALOG } from '../cli/commands/catalog.ts'
import { EXIT } from '../cli/exit-codes.ts'
import type { OpenedEnvironment } from './broken-environments.ts'
import { type CliProcess, startCli } from './cli/index.ts'
import { cpuMs, IDLE_MS_PER_S, wantedMs } from './process-time.ts'

/** Time after which a command that does nothing counts as one that runs on. */
const PATIENCE_MS = 5_000
/** Processor time of a command that works on nothing. One that spins goes beyond it on any machine. */
const MAX_CPU_MS = 20_000
/** After SIGINT, which is due within a second: processor time, seconds without any use of it, and time on a machine that gives it none. */
const MAX_END_CPU_MS = 3_000
const MAX_END_IDLE_S = 4
const MAX_END_MS = 90_000
const SAMPLE_MS = 1_000

const LISTEN = ['--listen', '/ip6/::1/tcp/0']

/** Words that a command needs to do anything. A command that is not listed runs without any. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  ask: ['Hello'],
  batch: ['run', '/nowhere.jsonl'],
  bootstrap: LISTEN,
  completion: ['bash'],
  config: ['print', 'node'],
  gateway: ['--port', '0'],
  launch: ['claude'],
  node: ['--backend', 'embedded', ...LISTEN],
  pull: ['/nowhere.gguf'],
  reputation: ['list'],
  rm: ['nothing'],
  service: ['install', 'node', '--print'],
  swarm: ['create'],
  up: ['--demo', '--port', '0', ...LISTEN],
}

/** Every command of the catalogue, with words that make it start its work. */
export const COMMANDS: readonly (readonly string[])[] = Object.keys(CATALOG).map((name) => [
  name,
  ...(ARGUMENTS[name] ?? []),
])

export interface Watched {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
  /** Whether it ran on until it got SIGINT. */
  readonly interrupted: boolean
  /** What is wrong with how it behaved; empty if nothing is. */
  readonly faults: readonly string[]
}

/**
 * Runs a command until it ends, or, if it runs on, until SIGINT ends it. Processor time decides, not the clock on the
 * wall, so that a loaded machine fails nothing.
 *
 * @param interruptMs when to send SIGINT. @default once it does nothing more
 */
export async function watchCommand(
  args: readonly string[],
  { env, launch }: OpenedEnvironment,
  interruptMs?: number,
): Promise<Watched> {
  const command = startCli(args, env, { launch })
  command.child.stdin.end()
  const { finished, pid } = command
  const faults: string[] = []
  const runsOn =
    interruptMs === undefined
      ? !(await endsOrWaits(command, () => faults.push('it spins')))
      : !(await endsWithin(finished, interruptMs))
  if (runsOn) {
    const before = cpuMs(pid)
    const startedAt = performance.now()
    command.child.kill('SIGINT')
    for (let last = wantedMs(pid), idleS = 0; !(await endsWithin(finished, SAMPLE_MS)); ) {
      const tookMs = performance.now() - startedAt
      const used = cpuMs(pid) - before
      const wanted = wantedMs(pid)
      idleS = Math.abs(wanted - last) < IDLE_MS_PER_S ? idleS + 1 : 0
      last = wanted
      const isLate = used > MAX_END_CPU_MS || idleS > MAX_END_IDLE_S || tookMs > MAX_END_MS
      if (!isLate) continue
      faults.push('SIGINT did not end it')
      command.child.kill('SIGKILL')
      break
    }
  }
  const { exitCode, signal, stdout, stderr } = await finished
  const output = stdout + stderr
  if (/^\s+at .*(?:file:|node:|\/)/m.test(output)) faults.push('it dumps a stack')
  if (exitCode !== null && !Object.values<number>(EXIT).includes(exitCode)) {
    faults.push(`its exit code ${exitCode} is not documented`)
  }
  // Before its handlers are in place, the signal ends it directly.
  if (exitCode === null && !(runsOn && signal === 'SIGINT')) faults.push(`${signal} ended it`)
  return { exitCode, signal, output, interrupted: runsOn, faults }
}

/** @returns false once it waits, or has used more time than any work takes */
async function endsOrWaits(
  { finished, pid }: Pick<CliProcess, 'finished' | 'pid'>,
  onSpin: () => void,
): Promise<boolean> {
  const startedAt = performance.now()
  for (let before = 0; ; ) {
    if (await endsWithin(finished, SAMPLE_MS)) return true
    if (cpuMs(pid) > MAX_CPU_MS) {
      onSpin()
      return false
    }
    const wanted = wantedMs(pid)
    if (Math.abs(wanted - before) < IDLE_MS_PER_S && performance.now() - startedAt > PATIENCE_MS)
      return false
    before = wanted
  }
}

async function endsWithin(finished: Promise<unknown>, ms: number): Promise<boolean> {
  const late = new AbortController()
  const ended = await Promise.race([
    finished.then(() => true),
    sleep(ms, false, { signal: late.signal }).catch(() => false),
  ])
  late.abort()
  return ended
}
