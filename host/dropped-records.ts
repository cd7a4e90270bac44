import { open } from 'node:fs/promises'
import { join } from 'node:path'

/** LevelDB's own log of what it did since it was opened; the sums of damage come first. */
const OWN_LOG = 'LOG'
const MAX_READ_BYTES = 65_536
const DROPPED = /: dropping (\d+) bytes; Corruption/g

/**
 * Bytes of damaged records that LevelDB dropped when it was opened, which it tells nowhere else. A file that was cut
 * short looks like one that a crash left behind, and is not counted.
 */
export async function droppedBytes(datastore: string): Promise<number> {
  try {
    await using file = await open(join(datastore, OWN_LOG), 'r')
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(MAX_READ_BYTES) })
    const text = buffer.toString('latin1', 0, bytesRead)
    return [...text.matchAll(DROPPED)].reduce((sum, [, bytes]) => sum + Number(bytes), 0)
  } catch {
    return 0
  }
}
