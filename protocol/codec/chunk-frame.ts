import { allocUnsafe } from 'uint8arrays/alloc'
import type { NodeFrame } from '../frames.ts'
import { varintBytes, writeVarint } from '../varint.ts'

type Chunk = Extract<NodeFrame, { type: 'chunk' }>

/** Tags of `NodeFrame` and `Chunk` in skein.proto: field number and wire type. */
const TAG = { chunk: 0x1a, attemptId: 0x7a, seq: 0x08, json: 0x12, tokenIds: 0x1a, logprobs: 0x22 }
const MAX_UINT32 = 0xffff_ffff
const MAX_FLOAT32 = 3.4028234663852886e38
/** Of a varint that holds an unsigned 32-bit integer. */
const MAX_VARINT_BYTES = 5

/**
 * A chunk's frame, byte for byte as the protobuf library writes it, at a tenth of its time: a node writes one for each
 * token.
 *
 * @returns undefined for values that the library has to refuse
 */
export function encodeChunkFrame(chunk: Chunk, attemptId?: Uint8Array): Uint8Array | undefined {
  const { seq, json, tokenIds, logprobs } = chunk
  if (!isUint32(seq) || !tokenIds.every(isUint32) || !logprobs.every(isFloat32)) return undefined
  let idBytes = 0
  for (const id of tokenIds) idBytes += varintBytes(id)
  const chunkBytes =
    (seq > 0 ? 1 + varintBytes(seq) : 0) +
    fieldBytes(json.length) +
    fieldBytes(idBytes) +
    fieldBytes(4 * logprobs.length)
  const named = attemptId?.length ?? 0
  const bytes = allocUnsafe(1 + varintBytes(chunkBytes) + chunkBytes + fieldBytes(named))
  let at = begin(bytes, 0, TAG.chunk, chunkBytes)
  if (seq > 0) at = begin(bytes, at, TAG.seq, seq)
  if (json.length > 0) {
    at = begin(bytes, at, TAG.json, json.length)
    bytes.set(json, at)
    at += json.length
  }
  if (idBytes > 0) {
    at = begin(bytes, at, TAG.tokenIds, idBytes)
    for (const id of tokenIds) at = writeVarint(bytes, at, id)
  }
  if (logprobs.length > 0) {
    at = begin(bytes, at, TAG.logprobs, 4 * logprobs.length)
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    for (const logprob of logprobs) {
      view.setFloat32(at, logprob, true)
      at += 4
    }
  }
  if (attemptId !== undefined && named > 0) {
    at = begin(bytes, at, TAG.attemptId, named)
    bytes.set(attemptId, at)
  }
  return bytes
}

export interface DecodedChunk extends Chunk {
  /** Empty if the frame names no attempt. */
  readonly attemptId: Uint8Array
}

/** @returns undefined for any other frame, and for one that another encoder wrote in another way */
export function decodeChunkFrame(bytes: Uint8Array): DecodedChunk | undefined {
  const reader = new Reader(bytes)
  if (!reader.takes(TAG.chunk)) return undefined
  const end = reader.length()
  const seq = reader.at < end && reader.takes(TAG.seq) ? reader.varint() : 0
  const json = reader.at < end && reader.takes(TAG.json) ? reader.field() : NONE
  const tokenIds: number[] = []
  if (reader.at < end && reader.takes(TAG.tokenIds)) {
    const idsEnd = reader.length()
    while (reader.at < idsEnd) tokenIds.push(reader.varint())
    if (reader.at !== idsEnd) return undefined
  }
  const logprobs: number[] = []
  if (reader.at < end && reader.takes(TAG.logprobs)) {
    const packed = reader.field()
    if (packed.length % 4 !== 0) return undefined
    const view = new DataView(packed.buffer, packed.byteOffset, packed.length)
    for (let at = 0; at < packed.length; at += 4) logprobs.push(view.getFloat32(at, true))
  }
  if (reader.at !== end) return undefined
  const attemptId = reader.at < bytes.length && reader.takes(TAG.attemptId) ? reader.field() : NONE
  if (reader.isBroken || reader.at !== bytes.length) return undefined
  return { type: 'chunk', seq, json, tokenIds, logprobs, attemptId }
}

const NONE = new Uint8Array()

/** Never reads beyond the bytes: after a fault it is broken, and at its end. */
class Reader {
  readonly #bytes: Uint8Array
  at = 0
  isBroken: boolean = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  takes(tag: number): boolean {
    if (this.#bytes[this.at] !== tag) return false
    this.at += 1
    return true
  }

  varint(): number {
    let value = 0
    for (let size = 0; size < MAX_VARINT_BYTES; size += 1) {
      const byte = this.#bytes[this.at]
      if (byte === undefined) break
      this.at += 1
      value += (byte & 0x7f) * 2 ** (7 * size)
      if (byte < 0x80) return value <= MAX_UINT32 ? value : this.#break()
    }
    return this.#break()
  }

  /** @returns where the field that begins here ends */
  length(): number {
    const length = this.varint()
    const end = this.at + length
    return end <= this.#bytes.length ? end : this.#break()
  }

  field(): Uint8Array {
    const end = this.length()
    const field = this.#bytes.subarray(this.at, end)
    this.at = end
    return field
  }

  #break(): number {
    this.isBroken = true
    this.at = this.#bytes.length
    return this.at
  }
}

function isUint32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_UINT32
}

function isFloat32(value: number): boolean {
  return typeof value === 'number' && !(Number.isFinite(value) && Math.abs(value) > MAX_FLOAT32)
}

/** Of a field with a length; an empty one is left out. */
function fieldBytes(length: number): number {
  return length === 0 ? 0 : 1 + varintBytes(length) + length
}

/** Writes a tag and the number after it: a value, or a length. @returns where to go on */
function begin(bytes: Uint8Array, at: number, tag: number, value: number): number {
  bytes[at] = tag
  return writeVarint(bytes, at + 1, value)
}
