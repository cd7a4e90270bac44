import type { AbortOptions, ConnectionProtector, MultiaddrConnection } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'
import { CipheredConnection } from './ciphered-connection.ts'
import { hintedNonce, hintedSecret, NONCE_BYTES } from './hinted-nonce.ts'

/** The secrets that are accepted now, 32 bytes each, the newest first. At least one. */
export type SwarmSecrets = () => readonly Uint8Array[]

/**
 * libp2p's protector (https://github.com/libp2p/specs/blob/master/pnet/Private-Networks-PSK-V1-Spec.md) for several keys.
 * The listener's nonce hints at its newest key; the dialler uses that one, and hints at it in its own nonce. Without a hint
 * the other side knows one key only, so it is the oldest one. Each connection takes the round trip that it takes anyway.
 */
export function swarmProtector(secrets: SwarmSecrets): () => ConnectionProtector {
  return () => ({
    // libp2p protects connections, although its type says streams.
    protect: async (connection, options) =>
      await protect(connection as MultiaddrConnection, secrets(), options),
  })
}

async function protect(
  connection: MultiaddrConnection,
  secrets: readonly Uint8Array[],
  options?: AbortOptions,
): Promise<MultiaddrConnection> {
  const [newest = new Uint8Array()] = secrets
  const oldest = secrets.at(-1) ?? newest
  const log = connection.log.newScope('pnet')
  const bytes = byteStream(connection)
  const read = async (): Promise<Uint8Array> =>
    (await bytes.read({ bytes: NONCE_BYTES, ...options })).subarray()
  if (connection.direction === 'inbound') {
    const localNonce = hintedNonce(newest)
    const [remoteNonce] = await Promise.all([read(), bytes.write(localNonce, options)])
    const secret = hintedSecret(remoteNonce, secrets) ?? oldest
    return new CipheredConnection({
      ...{ connection: bytes.unwrap(), secret, localNonce, remoteNonce, log },
    })
  }
  const remoteNonce = await read()
  const secret = hintedSecret(remoteNonce, secrets) ?? oldest
  const localNonce = hintedNonce(secret)
  await bytes.write(localNonce, options)
  return new CipheredConnection({
    ...{ connection: bytes.unwrap(), secret, localNonce, remoteNonce, log },
  })
}
