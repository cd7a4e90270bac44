import { readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { isAlive } from '../../storage/index.ts'

/**
 * Marks a downloaded model as used by this process, until disposed of. Files outside of `cacheDir` are their owner's and
 * get no mark.
 */
export async function markInUse(
  path: string,
  cacheDir: string | undefined,
): Promise<AsyncDisposable> {
  const inside = cacheDir === undefined ? '..' : relative(cacheDir, path)
  if (inside === '..' || inside.startsWith(`..${sep}`))
    return { [Symbol.asyncDispose]: async () => {} }
  const mark = `${path}.used-${process.pid}`
  // Without a mark, on a full disk, the model is usable all the same.
  await writeFile(mark, '').catch(() => undefined)
  return { [Symbol.asyncDispose]: async () => await rm(mark, { force: true }) }
}

/** Processes that use a downloaded model. Marks of ended ones are removed. */
export async function usersOf(path: string): Promise<readonly number[]> {
  const prefix = `${basename(path)}.used-`
  const names = await readdir(dirname(path)).catch(() => [])
  const users: number[] = []
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const pid = Number(name.slice(prefix.length))
    if (Number.isSafeInteger(pid) && isAlive(pid)) users.push(pid)
    else await rm(join(dirname(path), name), { force: true })
  }
  return users
}
