import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import {
  type Advertisement,
  type ModelAdvertisement,
  PROTOCOLS,
  sealAdvertisement,
} from '../../../protocol/index.ts'

export const MODEL: ModelAdvertisement = {
  id: 'skein-tiny',
  aliases: [],
  family: 'llama',
  parameters: 1_300_000,
  quantization: 'Q8_0',
  contextLength: 512,
  templateHash: '',
  capabilities: ['chat'],
  resume: 'tokens',
  fields: [],
}

export interface Signer {
  readonly privateKey: PrivateKey
  readonly peerId: PeerId
}

export async function createSigner(): Promise<Signer> {
  const privateKey = await generateKeyPair('Ed25519')
  return { privateKey, peerId: peerIdFromPrivateKey(privateKey) }
}

/** A sealed advertisement of one model, valid for an hour from `issuedAtMs`. */
export function seal(
  signer: Pick<Signer, 'privateKey'>,
  overrides: Partial<Omit<Advertisement, 'peerId'>> & { issuedAtMs: number },
): Promise<Uint8Array> {
  const addresses: Multiaddr[] = [multiaddr('/ip4/127.0.0.1/tcp/4001')]
  return sealAdvertisement(
    {
      sequence: BigInt(overrides.issuedAtMs),
      expiresAtMs: overrides.issuedAtMs + 3_600_000,
      protocols: [PROTOCOLS.inference],
      addresses,
      models: [MODEL],
      slots: 1,
      prefillRate: 0,
      decodeRate: 0,
      maxTokens: 0,
      operator: '',
      ...overrides,
    },
    signer.privateKey,
  )
}
