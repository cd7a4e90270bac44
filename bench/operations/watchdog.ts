import { chmod, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CliProcess, createSandbox, LOOPBACK } from '../../testing/cli/index.ts'

/** The unit has 60 s; a shorter period shows the same steps sooner. */
export const WATCHDOG_S = 4

export interface Watchdog {
  /** From the moment the process hangs to its end. */
  readonly noticedMs: number
  /** From then until another one answers. */
  readonly restartedMs: number
}

/**
 * Hangs a gateway under a stand-in for systemd: it receives the signs of life that the gateway gives through
 * `systemd-notify`, ends a process that gave none for the watchdog's period, and starts it again.
 */
export async function watchdog(): Promise<Watchdog> {
  await using stack = new AsyncDisposableStack()
  const sandbox = await createSandbox()
  stack.defer(() => sandbox.close())
  const [bin, signs] = [join(sandbox.home, 'bin'), join(sandbox.home, 'signs')]
  await mkdir(bin)
  await writeFile(join(bin, 'systemd-notify'), `#!/bin/sh\necho "$@" >> '${signs}'\n`)
  await chmod(join(bin, 'systemd-notify'), 0o755)
  const env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    ...{ NOTIFY_SOCKET: '/run/stand-in', WATCHDOG_USEC: String(WATCHDOG_S * 1e6) },
  }
  const start = (): CliProcess =>
    sandbox.start(['gateway', '--json', '--port', '0', ...LOOPBACK], env)
  const first = start()
  await first.event('ready')
  const lastSign = async (): Promise<number> =>
    await stat(signs).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    )
  // Signs come twice in each period.
  const alive = await lastSign()
  while ((await lastSign()) === alive) await pause()
  // Stopped by the kernel, it runs no event loop, as one that hangs.
  first.child.kill('SIGSTOP')
  const hung = performance.now()
  while (Date.now() - (await lastSign()) < WATCHDOG_S * 1_000) await pause()
  first.child.kill('SIGKILL')
  await first.finished
  const ended = performance.now()
  await start().event('ready')
  return { noticedMs: ended - hung, restartedMs: performance.now() - ended }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20))
}
