import type { FileHandle } from 'node:fs/promises'
import * as z from 'zod'
import { InferenceError } from '../../protocol/index.ts'

/** The format's own bound. */
const MAX_HEADER_BYTES = 100_000_000

/** One tensor in a file. */
export interface SafeTensor {
  readonly name: string
  /** As the format names it, e.g. `BF16`. */
  readonly type: string
  readonly shape: readonly number[]
  /** In the file. */
  readonly offset: number
  readonly bytes: number
}

const size = z.int().min(0)
const headers = z.record(
  z.string(),
  z.object({ dtype: z.string(), shape: z.array(size), data_offsets: z.tuple([size, size]) }),
)

/**
 * The tensors of a safetensors file: eight bytes with the length of a JSON object, the object, the data
 * (https://github.com/huggingface/safetensors#format).
 *
 * @throws InferenceError `invalid_request` for a file of another format, or with tensors outside of it
 */
export async function readSafetensorsHeader(file: FileHandle): Promise<readonly SafeTensor[]> {
  const { size: fileBytes } = await file.stat()
  const length = Buffer.alloc(8)
  const { bytesRead } = await file.read(length, 0, 8, 0)
  const headerBytes = bytesRead === 8 ? Number(length.readBigUInt64LE()) : Number.NaN
  if (!(headerBytes > 1 && headerBytes <= Math.min(MAX_HEADER_BYTES, fileBytes - 8))) {
    throw notSafetensors('the length of its header is impossible')
  }
  const text = Buffer.alloc(headerBytes)
  await file.read(text, 0, headerBytes, 8)
  const { __metadata__: _, ...entries } = parse(text.toString())
  const parsed = headers.safeParse(entries)
  if (!parsed.success) throw notSafetensors('its header does not describe tensors')
  const start = 8 + headerBytes
  return Object.entries(parsed.data).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ]) => {
      if (to < from || start + to > fileBytes)
        throw notSafetensors(`tensor '${name}' lies outside of it`)
      return { name, type: dtype, shape, offset: start + from, bytes: to - from }
    },
  )
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) return { ...parsed }
  } catch {
    // Reported below.
  }
  throw notSafetensors('its header is not a JSON object')
}

function notSafetensors(why: string): InferenceError {
  return new InferenceError('invalid_request', `not a safetensors file: ${why}`)
}
