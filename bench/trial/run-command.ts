import { spawn } from 'node:child_process'

export interface RunOptions {
  readonly cwd: string
  readonly timeoutMs: number
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
  { cwd, timeoutMs, env = process.env }: RunOptions,
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
    const late = setTimeout(() => {
      output += `\nnot ended after ${timeoutMs} ms`
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }, timeoutMs)
    child.once('error', (error) => (output += error.message))
    child.once('close', (code) => {
      clearTimeout(late)
      resolve({ code, output })
    })
  })
}
