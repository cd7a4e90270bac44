import { readFile } from 'node:fs/promises'
import { fromString } from 'uint8arrays/from-string'
import { toString as textOf } from 'uint8arrays/to-string'
import { defined } from '../../protocol/index.ts'
import { codeOf, writeAtomic } from '../../storage/index.ts'
import { type HeldKey, heldKey } from './keyring.ts'
import { checkFormat, swarmPaths } from './swarm-files.ts'

const VERSION = 1

/** What a key file holds. */
export interface KeptKeys {
  readonly keys: readonly HeldKey[]
  /** Digests of keys that were replaced. */
  readonly retired: readonly Uint8Array[]
}

/** The pre-shared keys of a swarm's directory. Empty before the first rotation. @throws for a damaged file, or one of a newer version */
export async function readKeyFile(directory: string): Promise<KeptKeys> {
  let text: string
  try {
    text = await readFile(swarmPaths(directory).keys, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { keys: [], retired: [] }
    throw error
  }
  const content: unknown = JSON.parse(text)
  checkFormat(directory, content, VERSION)
  // Loaded where there is such a file: zod takes two megabytes, which other hosts do without.
  const { KEY_FILE } = await import('./key-file-schema.ts')
  const { keys, retired } = KEY_FILE.parse(content)
  return {
    keys: await Promise.all(
      keys.map(async ({ secret, number, acceptedUntilMs, provisional }) => ({
        ...(await heldKey(fromString(secret, 'base16'))),
        ...{ number, ...defined({ acceptedUntilMs, provisional }) },
      })),
    ),
    retired: retired.map((digest) => fromString(digest, 'base16')),
  }
}

export async function writeKeyFile(directory: string, { keys, retired }: KeptKeys): Promise<void> {
  const written = {
    version: VERSION,
    keys: keys.map(({ digest: _, secret, ...key }) => ({
      ...key,
      secret: textOf(secret, 'base16'),
    })),
    retired: retired.map((digest) => textOf(digest, 'base16')),
  }
  await writeAtomic(swarmPaths(directory).keys, `${JSON.stringify(written, null, 2)}\n`)
}
