import type { Session } from './runtime.ts'

/** From this many, connection limits are at their maximum. */
const ENOUGH = 2_048

/** The file descriptor limit of this process. Logs a low limit, which lowers the connection limits. */
export function openFileLimit({ openFileLimit, terminal }: Session): number | undefined {
  const limit = openFileLimit?.()
  if (limit !== undefined && limit < ENOUGH) {
    terminal.log(
      `only ${limit} file descriptors: fewer connections are accepted; raise the limit (ulimit -n ${ENOUGH})`,
      { level: 'warn' },
    )
  }
  return limit
}

/** Maximum HTTP connections that leave enough descriptors for peers, files and the rest. */
export function connectionsWithin(descriptors: number): number {
  return Math.min(4_096, Math.max(16, Math.floor((descriptors - 64) / 2)))
}

/** Whether an error says that the process has no file descriptor left. */
export function isOutOfDescriptors(error: unknown): boolean {
  const { code, info } = error as NodeJS.ErrnoException & { readonly info?: { errno?: number } }
  if (code === 'EMFILE' || code === 'ENFILE') return true
  // Codes that libuv does not name: 24 is EMFILE, 23 is ENFILE.
  return code === 'ERR_SYSTEM_ERROR' && [23, 24].includes(Math.abs(info?.errno ?? 0))
}
