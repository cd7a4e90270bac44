import { allocUnsafe } from 'uint8arrays/alloc'
import type { NodeFrame } from '../frames.ts'
import { varintBytes, writeVarint } from '../varint.ts'
import { begin, fieldBytes, writeField } from './bytes-field.ts'

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
 * @param attemptId empty for none
 * @throws RangeError for a value that its field cannot have
 */
export function encodeChunkFrame(chunk: Chunk, attemptId: Uint8Array): Uint8Array {
  const { seq, json, tokenIds, logprobs } = chunk
  if (!isUint32(seq) || !tokenIds.every(isUint32)) {
    throw new RangeError('an index or the id of a token is not an unsigned 32-bit integer')
  }
  if (!logprobs.every(isFloat32)) throw new RangeError('a logprob is not a 32-bit float')
  let idBytes = 0
  for (const id of tokenIds) idBytes += varintBytes(id)
  const chunkBytes =
    (seq > 0 ? 1 + varintBytes(seq) : 0) +
    fieldBytes(json.length) +
    fieldBytes(idBytes) +
    fieldBytes(4 * logprobs.length)
  const size = 1 + varintBytes(chunkBytes) + chunkBytes + fieldBytes(attemptId.length)
  const bytes = allocUnsafe(size)
  let at = begin(bytes, 0, TAG.chunk, chunkBytes)
  if (seq > 0) at = begin(bytes, at, TAG.seq, seq)
  at = writeField(bytes, at, TAG.json, json)
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
  writeField(bytes, at, TAG.attemptId, attemptId)
  return bytes
}

/**
 * @param attemptId the attempt that the frame has to name. @default any, or none
 * @returns undefined for any other frame, and for one that another encoder wrote in another way
 */
export function decodeChunkFrame(bytes: Uint8Array, attemptId?: Uint8Array): Chunk | undefined {
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
  if (reader.at < bytes.length && reader.takes(TAG.attemptId)) {
    const idEnd = reader.length()
    if (attemptId !== undefined && !reader.holds(attemptId, idEnd)) return undefined
    reader.at = idEnd
  } else if (attemptId !== undefined) return undefined
  if (reader.isBroken || reader.at !== bytes.length) return undefined
  return { type: 'chunk', seq, json, tokenIds, logprobs }
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

  /** Whether these are the bytes from here to `end`. */
  holds(wanted: Uint8Array, end: number): boolean {
    if (end - this.at !== wanted.length) return false
    let at = this.at
    for (const byte of wanted) if (this.#bytes[at++] !== byte) return false
    return true
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
