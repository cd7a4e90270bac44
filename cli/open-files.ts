import type { Session } from './runtime.ts'

/** With so many or more, the bounds on connections are at their most. */
const ENOUGH = 2_048

/** The bound on the descriptors of this process; a low one is told, since connections are fewer then. */
export function openFileLimit({ openFileLimit, terminal }: Session): number | undefined {
  const limit = openFileLimit?.()
  if (limit !== undefined && limit < ENOUGH) {
    terminal.log(
      `only ${limit} file descriptors: fewer connections are taken; raise the limit (ulimit -n ${ENOUGH})`,
    )
  }
  return limit
}

/** HTTP connections that leave descriptors to peers, files and the rest. */
export function connectionsWithin(descriptors: number): number {
  return Math.min(4_096, Math.max(16, Math.floor((descriptors - 64) / 2)))
}

/** Whether an error says that the process has no file descriptor left. */
export function isOutOfDescriptors(error: unknown): boolean {
  const { code, info } = error as NodeJS.ErrnoException & { readonly info?: { errno?: number } }
  if (code === 'EMFILE' || code === 'ENFILE') return true
  // What libuv cannot name: 24 is EMFILE, 23 is ENFILE.
  return code === 'ERR_SYSTEM_ERROR' && [23, 24].includes(Math.abs(info?.errno ?? 0))
}
