/** Explanations of the system's error codes for an operator. */
const FAULTS = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'files may not grow any further here (the disk, or a limit on file size)',
  EROFS: 'the disk is read-only',
  EACCES: 'permission is denied',
  EPERM: 'the operation is not permitted',
  EMFILE: 'this process has no file descriptors left (ulimit -n)',
  ENFILE: 'this machine has no file descriptors left',
  ENOMEM: 'this machine is out of memory',
  EIO: 'the disk has failed',
  ENOTDIR: 'a file stands where a directory should be',
  EEXIST: 'a file, or a link that leads nowhere, stands where a directory should be',
  ELOOP: 'its symbolic links lead in a circle',
  ENOENT: 'it cannot be made there',
} as const

export type FaultCode = keyof typeof FAULTS

/** Texts of errors that come without a code: LevelDB passes on what the system says. */
const TEXTS: readonly (readonly [RegExp, FaultCode])[] = [
  [/no space left on device/i, 'ENOSPC'],
  [/disk quota exceeded/i, 'EDQUOT'],
  [/file too large/i, 'EFBIG'],
  [/read-only file system/i, 'EROFS'],
  [/permission denied/i, 'EACCES'],
  [/too many open files in system/i, 'ENFILE'],
  [/too many open files/i, 'EMFILE'],
  [/cannot allocate memory/i, 'ENOMEM'],
  [/input\/output error/i, 'EIO'],
]

/** Longest chain of causes that is followed. */
const MAX_DEPTH = 8

/** A fault of this machine's disk, memory or file descriptors. Blames no peer. */
export interface DiskFault {
  readonly code: FaultCode
  /** Explanation, without a path. */
  readonly reason: string
}

/** The fault of this machine that an error, or one of its causes, comes from; `undefined` for any other error. */
export function diskFaultOf(error: unknown): DiskFault | undefined {
  let current: unknown = error
  for (let depth = 0; depth < MAX_DEPTH && current instanceof Error; depth += 1) {
    const code = faultCode(current)
    if (code !== undefined) return { code, reason: FAULTS[code] }
    current = current.cause
  }
  return undefined
}

const OUT_OF_SPACE: readonly FaultCode[] = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS']

/** Whether the disk takes nothing more, now or at all: what can do without it continues. */
export function isOutOfSpace(error: unknown): boolean {
  const fault = diskFaultOf(error)
  return fault !== undefined && OUT_OF_SPACE.includes(fault.code)
}

/** The system's error code, if the error has one. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' ? code : undefined
}

function faultCode(error: Error): FaultCode | undefined {
  const code = codeOf(error)
  if (code !== undefined && Object.hasOwn(FAULTS, code)) return code as FaultCode
  return TEXTS.find(([text]) => text.test(error.message))?.[1]
}
