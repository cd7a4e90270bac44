import { spawn } from 'node:child_process'
import { watchForIdle } from '../../testing/index.ts'

/** Longest run of a command, however much it works. */
const MAX_RUN_MS = 1_200_000

export interface RunOptions {
  readonly cwd: string
  /** Seconds in which it may wait: for what works, or waits for a processor, the time is no measure. */
  readonly idleS: number
  /** @default this process' own */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface Done {
  /** Of its exit; null if it was killed, at the latest when its time was up. */
  readonly code: number | null
  /** What it wrote to stdout and stderr. */
  readonly output: string
}

/** Runs a command to its end, without input. Never rejects. */
export function runCommand(
  command: string,
  args: readonly string[],
  { cwd, idleS, env = process.env }: RunOptions,
): Promise<Done> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let output = ''
    child.stdout.on('data', (text) => (output += String(text)))
    child.stderr.on('data', (text) => (output += String(text)))
    const late = watchForIdle(child.pid ?? 0, {
      idleS,
      maxMs: MAX_RUN_MS,
      onStuck: () => {
        output += `\nended: it waited for ${idleS} s, or ran for ${MAX_RUN_MS / 1_000} s`
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      },
    })
    child.once('error', (error) => (output += error.message))
    child.once('close', (code) => {
      late[Symbol.dispose]()
      resolve({ code, output })
    })
  })
}
