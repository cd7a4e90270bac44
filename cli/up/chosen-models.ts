import { join } from 'node:path'
import { makeDirectory, readStored, writeStored } from '../../storage/index.ts'
import type { Terminal } from '../terminal.ts'

const FILE_NAME = 'shared-models.json'

/**
 * The models that the owner chose at an earlier start; `undefined`: never asked. Empty: none. The log gets a word about a
 * damaged file.
 */
export async function recallChoice(
  dataDir: string,
  terminal: Pick<Terminal, 'log'>,
): Promise<readonly string[] | undefined> {
  const consequence = 'the choice of models to share is not known'
  const onFault = (message: string): void => terminal.log(message, { level: 'warn' })
  return await readStored(join(dataDir, FILE_NAME), { parse: parsed, consequence, onFault })
}

/** Remembers the choice, so that the owner is asked once. */
export async function rememberChoice(dataDir: string, models: readonly string[]): Promise<void> {
  await makeDirectory(dataDir)
  await writeStored(join(dataDir, FILE_NAME), JSON.stringify(models))
}

function parsed(text: string): readonly string[] | undefined {
  const stored: unknown = JSON.parse(text)
  return Array.isArray(stored) && stored.every((one) => typeof one === 'string')
    ? stored
    : undefined
}
