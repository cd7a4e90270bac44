import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { codeOf } from './disk-fault.ts'

/** Most missing ancestors that are created. */
const MAX_DEPTH = 64

/**
 * Creates a directory and its missing ancestors, readable by their owner only. An existing one keeps its mode.
 *
 * Node's recursive `mkdir` never returns, and blocks the thread, where the system says ENOENT below a parent that exists
 * (anywhere under /proc, say).
 *
 * @throws the system's error, with its `code`
 */
export async function makeDirectory(path: string): Promise<void> {
  await make(resolve(path), MAX_DEPTH)
}

async function make(path: string, depth: number): Promise<void> {
  if (await isDirectory(path)) return
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const parent = dirname(path)
    if (codeOf(error) === 'EEXIST' && (await isDirectory(path))) return
    if (codeOf(error) !== 'ENOENT' || parent === path || depth === 0) throw error
    // The parent exists, so it is not what is missing.
    if (await isDirectory(parent)) throw error
    await make(parent, depth - 1)
    await make(path, 0)
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
