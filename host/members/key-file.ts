import { readFile } from 'node:fs/promises'
import { fromString } from 'uint8arrays/from-string'
import { toString as textOf } from 'uint8arrays/to-string'
import * as z from 'zod'
import { codeOf, writeAtomic } from '../../storage/index.ts'
import { type HeldKey, heldKey } from './keyring.ts'
import { swarmPaths } from './swarm-files.ts'

const KEY_FILE = z.object({
  version: z.literal(1),
  keys: z
    .array(
      z.object({
        number: z.int().min(0),
        secret: z.string().regex(/^[0-9a-f]{64}$/),
        acceptedUntilMs: z.int().optional(),
      }),
    )
    .min(1),
})

/** The pre-shared keys of a swarm's directory. Empty before the first rotation. @throws for a damaged file */
export async function readKeyFile(directory: string): Promise<readonly HeldKey[]> {
  let text: string
  try {
    text = await readFile(swarmPaths(directory).keys, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
  const { keys } = KEY_FILE.parse(JSON.parse(text))
  return await Promise.all(
    keys.map(async ({ number, secret, acceptedUntilMs }) =>
      heldKey(fromString(secret, 'base16'), {
        number,
        ...(acceptedUntilMs !== undefined && { acceptedUntilMs }),
      }),
    ),
  )
}

export async function writeKeyFile(directory: string, keys: readonly HeldKey[]): Promise<void> {
  const written = keys.map(({ digest: _, secret, ...key }) => ({
    ...key,
    secret: textOf(secret, 'base16'),
  }))
  const text = JSON.stringify({ version: 1, keys: written }, null, 2)
  await writeAtomic(swarmPaths(directory).keys, `${text}\n`)
}
