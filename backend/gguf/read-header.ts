import { type FileHandle, open } from 'node:fs/promises'
import { InferenceError } from '../../protocol/index.ts'
import { ByteReader, TruncatedFile } from './byte-reader.ts'
import { SCALAR_BYTES, tensorBytes, VALUE } from './types.ts'

const MAX_TENSORS = 100_000
const MAX_KEYS = 10_000
const MAX_DIMENSIONS = 8
const MAX_NAME_BYTES = 1_024
/** Longer strings are skipped. Today's chat templates reach about 100 kB. */
const MAX_STRING_BYTES = 1_048_576
const MAX_ARRAY_DEPTH = 4

/** Where a metadata value lies in the file, and the value if it is a number, a flag or a string. */
export interface GgufValue {
  readonly type: number
  readonly offset: number
  readonly bytes: number
  readonly value?: number | bigint | boolean | string
}

export interface GgufTensor {
  readonly name: string
  readonly type: number
  readonly shape: readonly number[]
  /** Place in the file. */
  readonly offset: number
  /** Without padding. `undefined` for a type that this reader does not know. */
  readonly bytes: number | undefined
}

/** Everything that a GGUF file says before its weights. Arrays stay in the file. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>
  readonly tensors: readonly GgufTensor[]
  readonly fileBytes: number
}

class BadGguf extends Error {}

/**
 * Reads the header of a GGUF file (versions 2 and 3, little-endian). Memory stays within a few
 * megabytes beside the list of tensors, whatever the file claims.
 *
 * @throws InferenceError `invalid_request` for a file that is missing, truncated or something else.
 */
export async function readGgufHeader(path: string): Promise<GgufHeader> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (cause) {
    throw refuse(path, 'it cannot be opened', cause)
  }
  try {
    const { size } = await file.stat()
    return await readHeader(new ByteReader(file, size), size)
  } catch (cause) {
    if (cause instanceof TruncatedFile) throw refuse(path, `truncated: ${cause.message}`, cause)
    if (cause instanceof BadGguf) throw refuse(path, cause.message, cause)
    throw refuse(path, 'it cannot be read', cause)
  } finally {
    await file.close()
  }
}

function refuse(path: string, why: string, cause: unknown): InferenceError {
  return new InferenceError('invalid_request', `not a usable GGUF file: ${path} (${why})`, {
    cause,
    details: { param: 'model' },
  })
}

async function readHeader(reader: ByteReader, fileBytes: number): Promise<GgufHeader> {
  await reader.need(24)
  if (reader.take(4).toString('latin1') !== 'GGUF')
    throw new BadGguf('it does not begin with "GGUF"')
  const version = reader.take(4).readUInt32LE()
  if (version !== 2 && version !== 3) throw new BadGguf(`GGUF version ${version} is not supported`)
  const tensorCount = await readCount(reader, MAX_TENSORS, 'tensors')
  const keyCount = await readCount(reader, MAX_KEYS, 'keys')
  const metadata = new Map<string, GgufValue>()
  for (let index = 0; index < keyCount; index++) {
    const key = await readString(reader, MAX_NAME_BYTES)
    if (metadata.has(key)) throw new BadGguf(`key '${key}' occurs twice`)
    metadata.set(key, await readValue(reader))
  }
  const claims: { name: string; shape: number[]; type: number; offset: number }[] = []
  for (let index = 0; index < tensorCount; index++) claims.push(await readTensorInfo(reader))
  const alignment = metadata.get('general.alignment')?.value ?? 32
  if (typeof alignment !== 'number' || alignment < 1 || !Number.isInteger(alignment)) {
    throw new BadGguf('its alignment is invalid')
  }
  const dataStart = Math.ceil(reader.position / alignment) * alignment
  const tensors = claims.map(({ name, type, shape, offset }) => {
    const bytes = tensorBytes(type, shape)
    const start = dataStart + offset
    if (start + (bytes ?? 0) > fileBytes) {
      throw new TruncatedFile(`tensor '${name}' reaches past its end`)
    }
    return { name, type, shape, offset: start, bytes }
  })
  return { metadata, tensors, fileBytes }
}

async function readCount(reader: ByteReader, limit: number, what: string): Promise<number> {
  const count = await readUint64(reader)
  if (count > limit) throw new BadGguf(`it claims ${count} ${what}`)
  return count
}

async function readUint64(reader: ByteReader): Promise<number> {
  await reader.need(8)
  const value = reader.take(8).readBigUInt64LE()
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new BadGguf('a number in it is too large')
  return Number(value)
}

async function readUint32(reader: ByteReader): Promise<number> {
  await reader.need(4)
  return reader.take(4).readUInt32LE()
}

async function readString(reader: ByteReader, limit: number): Promise<string> {
  const length = await readUint64(reader)
  if (length > limit) throw new BadGguf(`a name in it is ${length} bytes long`)
  await reader.need(length)
  return reader.take(length).toString('utf8')
}

async function readTensorInfo(
  reader: ByteReader,
): Promise<{ name: string; shape: number[]; type: number; offset: number }> {
  const name = await readString(reader, MAX_NAME_BYTES)
  const dimensions = await readUint32(reader)
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw new BadGguf(`tensor '${name}' has ${dimensions} dimensions`)
  }
  const shape: number[] = []
  for (let index = 0; index < dimensions; index++) shape.push(await readUint64(reader))
  const elements = shape.reduce((product, size) => product * size, 1)
  if (!Number.isSafeInteger(elements)) throw new BadGguf(`tensor '${name}' is too large`)
  return { name, shape, type: await readUint32(reader), offset: await readUint64(reader) }
}

async function readValue(reader: ByteReader): Promise<GgufValue> {
  const type = await readUint32(reader)
  const offset = reader.position
  const value = await readPayload(reader, type)
  const bytes = reader.position - offset
  return value === undefined ? { type, offset, bytes } : { type, offset, bytes, value }
}

async function readPayload(reader: ByteReader, type: number): Promise<GgufValue['value']> {
  const size = SCALAR_BYTES[type]
  if (size !== undefined) {
    await reader.need(size)
    return readScalar(reader.take(size), type)
  }
  if (type === VALUE.array) {
    await passArray(reader, 1)
    return undefined
  }
  if (type !== VALUE.string) throw new BadGguf(`a value has the unknown type ${type}`)
  const length = await readUint64(reader)
  if (length > MAX_STRING_BYTES) {
    reader.skip(length)
    return undefined
  }
  await reader.need(length)
  return reader.take(length).toString('utf8')
}

function readScalar(bytes: Buffer, type: number): number | bigint | boolean {
  switch (type) {
    case VALUE.uint8:
      return bytes.readUInt8()
    case VALUE.int8:
      return bytes.readInt8()
    case VALUE.uint16:
      return bytes.readUInt16LE()
    case VALUE.int16:
      return bytes.readInt16LE()
    case VALUE.uint32:
      return bytes.readUInt32LE()
    case VALUE.int32:
      return bytes.readInt32LE()
    case VALUE.float32:
      return bytes.readFloatLE()
    case VALUE.bool:
      return bytes.readUInt8() !== 0
    case VALUE.uint64:
      return bytes.readBigUInt64LE()
    case VALUE.int64:
      return bytes.readBigInt64LE()
    default:
      return bytes.readDoubleLE()
  }
}

async function passArray(reader: ByteReader, depth: number): Promise<void> {
  if (depth > MAX_ARRAY_DEPTH) throw new BadGguf('its arrays are nested too deeply')
  const type = await readUint32(reader)
  const count = await readUint64(reader)
  const size = SCALAR_BYTES[type]
  if (size !== undefined) {
    reader.skip(count * size)
    return
  }
  if (type !== VALUE.string && type !== VALUE.array) {
    throw new BadGguf(`an array has the unknown type ${type}`)
  }
  // Each element takes at least 8 bytes, so a false count fails at the end of the file.
  for (let index = 0; index < count; index++) {
    if (type === VALUE.array) await passArray(reader, depth + 1)
    else {
      // Vocabularies have 100,000 strings and more: wait only where the buffer is used up.
      if (reader.buffered < 8) await reader.need(8)
      const length = reader.take(8).readBigUInt64LE()
      if (length > BigInt(reader.remaining))
        throw new TruncatedFile('a string reaches past its end')
      reader.skip(Number(length))
    }
  }
}
