import { readFile } from 'node:fs/promises'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { InferenceError } from '../protocol/index.ts'
import { codeOf, writeAtomic } from '../storage/index.ts'

/** A new Ed25519 key, not stored. */
export function createIdentity(): Promise<PrivateKey> {
  return generateKeyPair('Ed25519')
}

/**
 * The key stored at `path`, readable by its owner only; a new one if the file does not exist.
 *
 * @throws InferenceError `internal` for a file without a valid key: a host that silently changed its identity would
 *   lose its reputation at all peers.
 */
export async function loadIdentity(path: string): Promise<PrivateKey> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') {
      const message = `cannot read the key in ${path} (${codeOf(error) ?? 'unknown error'}): make it readable for this user, or move it away to get a new identity`
      throw new InferenceError('internal', message, { cause: error })
    }
    const key = await createIdentity()
    await writeAtomic(path, privateKeyToProtobuf(key))
    return key
  }
  try {
    return privateKeyFromProtobuf(bytes)
  } catch (cause) {
    throw new InferenceError(
      'internal',
      `${path} holds no private key: move it away to get a new identity`,
      {
        cause,
      },
    )
  }
}
