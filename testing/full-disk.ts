import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A small file system of its own, which can be filled up. Needs Linux and the right to mount. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string
  /** Leaves no byte. */
  fill(): void
  /** Removes what {@link fill} wrote. */
  free(): void
}

const BYTES = 2_097_152
const BLOCK = 4_096

/** Whether {@link openSmallDisk} works here. */
export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  try {
    // A private mount, gone with the command.
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export async function openSmallDisk(): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'skein-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${BYTES},mode=0700`, 'tmpfs', path])
  const filler = join(path, 'filler')
  return {
    path,
    fill: () => {
      const file = openSync(filler, 'w')
      try {
        while (statfsSync(path).bfree > 0) writeSync(file, Buffer.alloc(BLOCK))
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(filler, { force: true }),
    async [Symbol.asyncDispose]() {
      execFileSync('umount', ['-l', path])
      await rm(path, { recursive: true, force: true })
    },
  }
}
