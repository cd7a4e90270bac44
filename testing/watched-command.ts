import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { CATALOG } from '../cli/commands/catalog.ts'
import { EXIT } from '../cli/exit-codes.ts'
import type { OpenedEnvironment } from './broken-environments.ts'
import { startCli } from './cli-process.ts'

/** Time for a command to end by itself. A loaded machine takes long to load its modules. */
const PATIENCE_MS = 12_000
/** After SIGINT. It is due within a second; the rest is for a loaded machine. */
const END_MS = 20_000
/** Share of a core that a command which waits may use. One that spins uses all of it. */
const MAX_IDLE_SHARE = 0.6
const SAMPLE_MS = 1_500

const LISTEN = ['--listen', '/ip6/::1/tcp/0']

/** Words that a command needs to do anything. A command that is not listed runs without any. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  ask: ['Hello'],
  batch: ['run', '/nowhere.jsonl'],
  bootstrap: LISTEN,
  config: ['print', 'node'],
  gateway: ['--port', '0'],
  node: ['--backend', 'embedded', ...LISTEN],
  reputation: ['list'],
  swarm: ['create'],
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
 * Runs a command until it ends, or, if it runs on, until SIGINT ends it.
 *
 * @param interruptMs when to send SIGINT. @default once it has had time to end by itself
 */
export async function watchCommand(
  args: readonly string[],
  { env, launch }: OpenedEnvironment,
  interruptMs: number = PATIENCE_MS,
): Promise<Watched> {
  const command = startCli(args, env, { launch })
  command.child.stdin.end()
  const faults: string[] = []
  let interrupted = false
  if (!(await endsWithin(command.finished, interruptMs))) {
    interrupted = true
    if (interruptMs >= PATIENCE_MS && (await idleShare(command.pid)) > MAX_IDLE_SHARE) {
      faults.push('it spins')
    }
    command.child.kill('SIGINT')
    if (!(await endsWithin(command.finished, END_MS))) {
      faults.push('SIGINT did not end it')
      command.child.kill('SIGKILL')
    }
  }
  const { exitCode, signal, stdout, stderr } = await command.finished
  const output = stdout + stderr
  if (/^\s+at .*(?:file:|node:|\/)/m.test(output)) faults.push('it dumps a stack')
  if (exitCode !== null && !Object.values<number>(EXIT).includes(exitCode)) {
    faults.push(`its exit code ${exitCode} is not documented`)
  }
  // Before its handlers are in place, the signal ends it directly.
  if (exitCode === null && !(interrupted && signal === 'SIGINT')) faults.push(`${signal} ended it`)
  return { exitCode, signal, output, interrupted, faults }
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

/** Share of a core that the process uses now; 0 where the system does not tell. */
async function idleShare(pid: number): Promise<number> {
  const before = cpuMs(pid)
  const startedAt = performance.now()
  await sleep(SAMPLE_MS)
  return (cpuMs(pid) - before) / (performance.now() - startedAt)
}

/** Fields 14 and 15 of /proc/<pid>/stat, in hundredths of a second. */
function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return 10 * (Number(fields[11]) + Number(fields[12]))
  } catch {
    return 0
  }
}
