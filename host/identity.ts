import { readFile } from 'node:fs/promises'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { InferenceError } from '../protocol/index.ts'
import { diskFaultOf, isOutOfSpace, writeAtomic } from '../storage/index.ts'

/** A new Ed25519 key, not stored. */
export function createIdentity(): Promise<PrivateKey> {
  return generateKeyPair('Ed25519')
}

/**
 * The key stored at `path`, readable by its owner only; a new one if the file does not exist.
 *
 * @param onFault receives a message for the operator if the disk is full: a new key then ends with the process
 * @throws InferenceError `internal` for a file without a valid key: a host that silently changed its identity would
 *   lose its reputation at all peers.
 */
export async function loadIdentity(
  path: string,
  onFault: (message: string) => void = () => {},
): Promise<PrivateKey> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new InferenceError('internal', `cannot read the key in ${path}`, { cause: error })
    }
    const key = await createIdentity()
    await writeAtomic(path, privateKeyToProtobuf(key)).catch((cause: unknown) => {
      const fault = isOutOfSpace(cause) ? diskFaultOf(cause) : undefined
      if (fault === undefined) throw cause
      onFault(`cannot save a new identity in ${path}: ${fault.reason}. It ends with this process`)
    })
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
