import { create, toBinary } from '@bufbuild/protobuf'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { equals } from 'uint8arrays/equals'
import { fromString } from 'uint8arrays/from-string'
import { decodeMessage, nameOf } from './codec/index.ts'
import { InferenceError } from './errors.ts'
import { ADVERTISEMENT_DOMAIN } from './ids.ts'
import { LIMITS } from './limits.ts'
import { isDigest, normalizeModelId } from './model-id.ts'
import { plainLine } from './plain-text.ts'
import {
  type Advertisement as AdvertisementMessage,
  AdvertisementSchema,
  type Model as ModelMessage,
  ResumeSupport as ResumeSupportEnum,
} from './skein_pb.ts'

/** What an engine can do with a model. Unknown values from newer peers are dropped. */
export const CAPABILITIES = [
  'chat',
  'completion',
  'embedding',
  'tools',
  'json_schema',
  'logprobs',
  'token_ids',
  'vision',
  'score',
] as const
/** One of {@link CAPABILITIES}. */
export type Capability = (typeof CAPABILITIES)[number]

/** How an interrupted answer can be resumed: `tokens` exactly, `prefill` from its text, or not at all. */
export type ResumeSupport = 'none' | 'prefill' | 'tokens'

/** A model that a node claims to offer. */
export interface ModelAdvertisement {
  /** Normalised model id. */
  readonly id: string
  readonly aliases: readonly string[]
  /** Digest of weights and tokenizer, if the node can read them. */
  readonly digest?: string
  readonly family: string
  /** Number of parameters; 0 if unknown. */
  readonly parameters: number
  readonly quantization: string
  /** Tokens of prompt and answer together, as configured at the engine. 0 if unknown. */
  readonly contextLength: number
  readonly templateHash: string
  readonly capabilities: readonly Capability[]
  readonly resume: ResumeSupport
  /** Request fields beyond the common ones that the engine takes, e.g. `top_k`. */
  readonly fields: readonly string[]
  /** Time to load the model, which is not in memory, in milliseconds. Absent if it is, or if its engine does not tell. */
  readonly coldStartMs?: number
}

/** A node's signed statement about itself: models and capacity, never load. */
export interface Advertisement {
  /** The signer. Never read from the payload. */
  readonly peerId: PeerId
  /** Higher replaces lower. */
  readonly sequence: bigint
  /** Milliseconds since 1970, by the signer's clock; in a host's book, by the host's own. */
  readonly issuedAtMs: number
  readonly expiresAtMs: number
  readonly protocols: readonly string[]
  readonly addresses: readonly Multiaddr[]
  /** Empty: the node has withdrawn. */
  readonly models: readonly ModelAdvertisement[]
  readonly slots: number
  /** Measured tokens per second; 0 if not measured. */
  readonly prefillRate: number
  readonly decodeRate: number
  /** Measured time to load a model that is not in memory, in milliseconds. Absent if not measured. */
  readonly coldStartMs?: number
  /** Longest answer in tokens. 0: no limit of the node's own. */
  readonly maxTokens: number
  /** Free text, unverified. */
  readonly operator: string
  /** Name of the swarm that the signer joined, unverified. Absent: that of the LAN, or a peer before 0.2. */
  readonly swarmName?: string
}

/** An hour: a claim beyond it is cut. */
const MAX_COLD_START_MS = 3_600_000

const CODEC = fromString(`/skein/${ADVERTISEMENT_DOMAIN}`)

const RESUME = {
  none: ResumeSupportEnum.NONE,
  prefill: ResumeSupportEnum.PREFILL,
  tokens: ResumeSupportEnum.TOKENS,
} as const satisfies Record<ResumeSupport, ResumeSupportEnum>

/** Signs an advertisement into an envelope that any peer can pass on and none can alter. */
export async function sealAdvertisement(
  advertisement: Omit<Advertisement, 'peerId'>,
  privateKey: PrivateKey,
): Promise<Uint8Array> {
  const payload = toBinary(
    AdvertisementSchema,
    create(AdvertisementSchema, {
      sequence: advertisement.sequence,
      issuedAtMs: BigInt(advertisement.issuedAtMs),
      expiresAtMs: BigInt(advertisement.expiresAtMs),
      protocols: [...advertisement.protocols],
      addresses: advertisement.addresses
        .slice(0, LIMITS.maxAdvertisedAddresses)
        .map((address) => address.bytes),
      models: advertisement.models.slice(0, LIMITS.maxAdvertisedModels).map((model) => ({
        ...model,
        digest: model.digest ?? '',
        aliases: [...model.aliases],
        capabilities: [...model.capabilities],
        fields: [...model.fields],
        parameters: BigInt(Math.round(model.parameters)),
        resume: RESUME[model.resume],
        coldStartMs: Math.min(MAX_COLD_START_MS, Math.round(model.coldStartMs ?? 0)),
      })),
      slots: advertisement.slots,
      prefillRate: advertisement.prefillRate,
      decodeRate: advertisement.decodeRate,
      coldStartMs: Math.min(MAX_COLD_START_MS, Math.round(advertisement.coldStartMs ?? 0)),
      maxTokens: advertisement.maxTokens,
      operator: advertisement.operator.slice(0, LIMITS.maxNameLength),
      swarmName: (advertisement.swarmName ?? '').slice(0, LIMITS.maxNameLength),
    }),
  )
  const record = {
    domain: ADVERTISEMENT_DOMAIN,
    codec: CODEC,
    marshal: () => payload,
    equals: (other: { marshal(): Uint8Array }) => equals(payload, other.marshal()),
  }
  return (await RecordEnvelope.seal(record, privateKey)).marshal()
}

/**
 * Opens a signed advertisement and checks signature, domain, codec, sizes and times.
 * The caller checks by `sequence` whether it is newer than the one it has.
 *
 * @throws InferenceError `malformed`, for anything that a correct signer cannot have produced.
 */
export async function openAdvertisement(
  envelope: Uint8Array,
  options: { readonly nowMs: number; readonly expectedSigner?: PeerId },
): Promise<Advertisement> {
  if (envelope.length > LIMITS.maxAdvertisementBytes) throw refuse('too large')
  const opened = await RecordEnvelope.openAndCertify(envelope, ADVERTISEMENT_DOMAIN).catch(
    (cause: unknown) => {
      throw refuse('invalid signature', cause)
    },
  )
  if (!equals(opened.payloadType, CODEC)) throw refuse('wrong record type')
  const peerId = peerIdFromPublicKey(opened.publicKey)
  if (options.expectedSigner !== undefined && !peerId.equals(options.expectedSigner)) {
    throw refuse('signed by another peer')
  }
  const message = decodeMessage(AdvertisementSchema, opened.payload)
  const issuedAtMs = Number(message.issuedAtMs)
  const expiresAtMs = Number(message.expiresAtMs)
  if (issuedAtMs > options.nowMs + LIMITS.maxClockSkewMs) throw refuse('issued in the future')
  if (expiresAtMs <= issuedAtMs || expiresAtMs - issuedAtMs > LIMITS.maxAdvertisementAgeMs) {
    throw refuse('claims an impossible lifetime')
  }
  if (message.models.length > LIMITS.maxAdvertisedModels) throw refuse('too many models')
  if (message.addresses.length > LIMITS.maxAdvertisedAddresses) throw refuse('too many addresses')
  return {
    peerId,
    sequence: message.sequence,
    issuedAtMs,
    expiresAtMs,
    protocols: message.protocols.slice(0, 16).map(checkedName),
    addresses: readAddresses(message),
    models: message.models.map(readModel),
    slots: message.slots,
    prefillRate: rate(message.prefillRate),
    decodeRate: rate(message.decodeRate),
    ...(message.coldStartMs > 0 && {
      coldStartMs: Math.min(MAX_COLD_START_MS, message.coldStartMs),
    }),
    maxTokens: message.maxTokens,
    operator: checkedName(message.operator),
    ...(message.swarmName !== '' && { swarmName: checkedName(message.swarmName) }),
  }
}

/** An expired advertisement only hints at peers to dial. */
export function isExpired(advertisement: Advertisement, nowMs: number): boolean {
  return advertisement.expiresAtMs <= nowMs
}

function readModel(model: ModelMessage): ModelAdvertisement {
  if (model.digest !== '' && !isDigest(model.digest)) throw refuse('an invalid digest')
  if (model.aliases.length > LIMITS.maxAliases || model.fields.length > LIMITS.maxModelFields) {
    throw refuse('too many names')
  }
  const capabilities = CAPABILITIES.filter((name) => model.capabilities.includes(name))
  const id = normalizeModelId(checkedName(model.id))
  if (id === '') throw refuse('a model without a name')
  return {
    id,
    aliases: model.aliases.map((alias) => normalizeModelId(checkedName(alias))),
    ...(model.digest !== '' && { digest: model.digest }),
    family: checkedName(model.family),
    parameters: Number(model.parameters),
    quantization: checkedName(model.quantization),
    contextLength: model.contextLength,
    templateHash: checkedName(model.templateHash),
    capabilities,
    resume: nameOf(RESUME, model.resume) ?? 'none',
    fields: model.fields.map(checkedName),
    ...(model.coldStartMs > 0 && { coldStartMs: Math.min(MAX_COLD_START_MS, model.coldStartMs) }),
  }
}

function readAddresses(message: AdvertisementMessage): Multiaddr[] {
  try {
    return message.addresses.map((bytes) => multiaddr(bytes))
  } catch (cause) {
    throw refuse('an invalid address', cause)
  }
}

/** Without what could steer the terminal or forge the log of the reader. */
function checkedName(name: string): string {
  if (name.length > LIMITS.maxNameLength) throw refuse('a name is too long')
  return plainLine(name)
}

/** Rates are claims; impossible ones count as unmeasured. */
function rate(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0
}

function refuse(why: string, cause?: unknown): InferenceError {
  return new InferenceError('malformed', `bad advertisement: ${why}`, { cause })
}
