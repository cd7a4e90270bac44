import { spawn } from 'node:child_process'
import { type Clock, every, systemClock } from '../../timing/index.ts'
import type { Environment } from '../environment.ts'

export interface SignsInit {
  readonly env: Environment
  readonly pid: number
  /** Called once if the supervisor cannot be told. */
  readonly onError: (error: unknown) => void
  /** @default the machine's */
  readonly clock?: Clock
  /** Runs a command. @default in a process of its own */
  readonly run?: (command: string, args: readonly string[]) => Promise<void>
}

/**
 * Tells systemd that the command is ready, and twice in each period of the watchdog that its event loop runs. Node has no
 * datagram sockets of Unix's, so `systemd-notify` speaks for it. Without a supervisor that asks for it, nothing happens.
 */
export function giveSignsOfLife(init: SignsInit): Disposable {
  const { env, pid, onError, clock = systemClock, run = spawned } = init
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: period, WATCHDOG_PID: watched } = env
  if (socket === undefined || socket === '') return { [Symbol.dispose]() {} }
  let hasFailed = false
  const tell = (...args: readonly string[]): void => {
    run('systemd-notify', args).catch((error: unknown) => {
      if (!hasFailed) onError(error)
      hasFailed = true
    })
  }
  tell('--ready', `--pid=${pid}`)
  const isWatched = watched === undefined || watched === String(pid)
  const everyMs = isWatched ? Number(period) / 1_000 / 2 : Number.NaN
  const watchdog = everyMs >= 1 ? every(clock, everyMs, () => tell('WATCHDOG=1')) : undefined
  return {
    [Symbol.dispose]() {
      watchdog?.[Symbol.dispose]()
      tell('STOPPING=1')
    },
  }
}

function spawned(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'ignore' })
    child.once('error', reject)
    child.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${command} ended with ${code ?? 'a signal'}`))
    })
    child.unref()
  })
}
