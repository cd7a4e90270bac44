import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory, writeAtomic } from '../../storage/index.ts'

const FILE_NAME = 'shared-models.json'

/** The models that the owner chose at an earlier start; `undefined`: never asked. Empty: none. */
export async function recallChoice(dataDir: string): Promise<readonly string[] | undefined> {
  try {
    const stored: unknown = JSON.parse(await readFile(join(dataDir, FILE_NAME), 'utf8'))
    return Array.isArray(stored) && stored.every((one) => typeof one === 'string')
      ? stored
      : undefined
  } catch {
    return undefined
  }
}

/** Remembers the choice, so that the owner is asked once. */
export async function rememberChoice(dataDir: string, models: readonly string[]): Promise<void> {
  await makeDirectory(dataDir)
  await writeAtomic(join(dataDir, FILE_NAME), JSON.stringify(models))
}
