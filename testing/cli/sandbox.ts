import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { byProcess, DEADLINE_MS, type Finished, type Watch, within } from './command.ts'
import { type LocalCommand, runHere } from './in-process.ts'
import { type CliProcess, HERE, type Launcher, startCli } from './process.ts'

export const LOOPBACK = ['--listen', '/ip4/127.0.0.1/tcp/0'] as const

interface RunOptions {
  readonly stdin?: string
  readonly env?: Record<string, string>
}

/** Directories and commands of one test file; all gone after `close`. */
export interface Sandbox {
  readonly home: string
  /** Starts a process. @param machine of an Internet; with none the command runs on this one */
  start(args: readonly string[], env?: Record<string, string>, machine?: Launcher): CliProcess
  /** Runs a command in a process of its own. */
  run(args: readonly string[], options?: RunOptions & { machine?: Launcher }): Promise<Finished>
  /** Starts a command in this process: a fifth of the time, and no SIGKILL. */
  startHere(args: readonly string[], env?: Record<string, string>): LocalCommand
  /** Runs a command in this process. */
  runHere(args: readonly string[], options?: RunOptions): Promise<Finished>
  close(): Promise<void>
}

/**
 * @param deadlineMs longest wait for an event of its processes
 * @param main the script that its processes run. @default the sources
 */
export async function createSandbox(
  deadlineMs: number = DEADLINE_MS,
  main?: string,
): Promise<Sandbox> {
  const home = await mkdtemp(join(tmpdir(), 'skein-cli-'))
  const processes = new Set<CliProcess>()
  const commands = new Set<LocalCommand>()
  const start: Sandbox['start'] = (args, env = {}, machine = HERE) => {
    const process = startCli(args, { ...baseEnv(home), ...env }, machine, deadlineMs, main)
    return kept(processes, process)
  }
  const startHere: Sandbox['startHere'] = (args, env = {}) =>
    kept(commands, runHere(args, { ...baseEnv(home), ...env }))
  return {
    home,
    start,
    startHere,
    run(args, { stdin = '', env, machine } = {}) {
      const process = start(args, env, machine)
      process.child.stdin.end(stdin)
      return ended(args, process, byProcess(process.pid, deadlineMs))
    },
    runHere(args, { stdin = '', env } = {}) {
      const command = startHere(args, env)
      command.stdin.end(stdin)
      return ended(args, command)
    },
    async close() {
      for (const { child } of processes) child.kill('SIGKILL')
      for (const command of commands) command.interrupt('SIGTERM')
      try {
        const all = [...processes, ...commands].map(({ finished }) => finished)
        await within(Promise.all(all), () => 'commands went on after SIGTERM')
      } finally {
        await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
      }
    },
  }
}

function kept<T extends { readonly finished: Promise<Finished> }>(running: Set<T>, command: T): T {
  running.add(command)
  const forget = (): void => void running.delete(command)
  command.finished.then(forget, forget)
  return command
}

function ended(
  args: readonly string[],
  { finished, stderr }: Pick<CliProcess, 'finished' | 'stderr'>,
  watch?: Watch,
): Promise<Finished> {
  return within(finished, () => `\`skein ${args.join(' ')}\` did not end: ${stderr()}`, watch)
}

function baseEnv(home: string): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env
  return {
    PATH,
    NODE_COMPILE_CACHE,
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    SKEIN_MDNS: '0',
    SKEIN_UPNP: '0',
  }
}
