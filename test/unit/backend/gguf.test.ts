import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cachedWeightsDigest, ggufFacts, readGgufHeader } from '../../../backend/index.ts'
import { InferenceError } from '../../../protocol/index.ts'

const MODEL = join(import.meta.dirname, '../../../models/skein-tiny-q8_0.gguf')
const DIGEST = 'sha256:709351989a0085cb3a6bba6ea01c0e12aebbbeb516eb1ecdf4875b161f9ecfd5'

let directory: string
let files = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-gguf-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function write(bytes: Uint8Array): Promise<string> {
  const path = join(directory, `${files++}.gguf`)
  await writeFile(path, bytes)
  return path
}

const digestOf = async (bytes: Uint8Array) => cachedWeightsDigest(await write(bytes))

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const u64 = (value: number | bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])

interface Tensor {
  readonly name: string
  readonly data: Buffer
}

/** A GGUF file of F32 tensors with two elements each. */
function gguf(
  keys: readonly (readonly [key: string, type: number, value: Buffer])[],
  tensors: readonly Tensor[],
  options: { readonly gap?: number } = {},
): Buffer {
  const { gap = 32 } = options
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(keys.length),
    ...keys.flatMap(([key, type, value]) => [text(key), u32(type), value]),
    ...tensors.flatMap(({ name }, index) => [text(name), u32(1), u64(2), u32(0), u64(index * gap)]),
  ])
  const data = tensors.flatMap(({ data }) => [data, Buffer.alloc(gap - data.length, 0xee)])
  return Buffer.concat([head, Buffer.alloc((32 - (head.length % 32)) % 32), ...data])
}

const A = { name: 'a.weight', data: Buffer.from('aaaaaaaa') }
const B = { name: 'b.weight', data: Buffer.from('bbbbbbbb') }
const VOCABULARY = ['tokenizer.ggml.model', 8, text('llama')] as const
const TEMPLATE = ['tokenizer.chat_template', 8, text('{{ messages }}')] as const
const NAME = ['general.name', 8, text('Some Model')] as const

describe('readGgufHeader', () => {
  it('reads the metadata of a model', async () => {
    const facts = ggufFacts(await readGgufHeader(MODEL))
    expect(facts).toMatchObject({
      family: 'llama',
      name: 'Skein Tiny',
      parameters: 1_312_384,
      quantization: 'Q8_0',
      contextLength: 768,
      embeddingOnly: false,
    })
    expect(facts.chatTemplate).toContain('<|im_start|>')
    expect(facts.templateHash).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  it('refuses a file that is missing', async () => {
    await expect(readGgufHeader(join(directory, 'none.gguf'))).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  it('refuses every truncation', async () => {
    const small = gguf([VOCABULARY, TEMPLATE], [A, B])
    // The padding behind the last tensor may be missing.
    const needed = small.length - (32 - B.data.length)
    for (let length = 0; length < needed; length++) {
      await expect(readGgufHeader(await write(small.subarray(0, length)))).rejects.toMatchObject({
        code: 'invalid_request',
      })
    }
    await readGgufHeader(await write(small.subarray(0, needed)))
  })

  it.each([
    ['another magic', Buffer.from('GGML\x03\0\0\0'.padEnd(64, '\0'))],
    ['an old version', Buffer.concat([Buffer.from('GGUF'), u32(1), Buffer.alloc(64)])],
    ['2^63 tensors', Buffer.concat([Buffer.from('GGUF'), u32(3), u64(2n ** 63n), u64(0)])],
    ['2^40 keys', Buffer.concat([Buffer.from('GGUF'), u32(3), u64(0), u64(2n ** 40n)])],
    ['a name of 2^40 bytes', Buffer.concat([gguf([], []).subarray(0, 16), u64(1), u64(2n ** 40n)])],
    ['a string past the end', gguf([['k', 8, u64(2n ** 40n)]], [])],
    ['an array of 2^50 strings', gguf([['k', 9, Buffer.concat([u32(8), u64(2n ** 50n)])]], [])],
    ['an array of 2^53 numbers', gguf([['k', 9, Buffer.concat([u32(10), u64(2n ** 53n)])]], [])],
    ['an unknown value type', gguf([['k', 77, u64(0)]], [])],
    ['a key twice', gguf([NAME, NAME], [])],
    [
      'arrays in arrays in arrays',
      gguf([['k', 9, Buffer.concat(Array.from({ length: 9 }, () => [u32(9), u64(1)]).flat())]], []),
    ],
  ])('refuses %s without allocating for it', async (_, bytes) => {
    await expect(readGgufHeader(await write(bytes))).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  it('gives a header or a typed error for any bytes', async () => {
    const small = gguf([VOCABULARY, TEMPLATE, NAME], [A, B])
    const edit = fc.tuple(fc.nat({ max: small.length - 1 }), fc.integer({ min: 0, max: 255 }))
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 6 }), async (edits) => {
        const bytes = Buffer.from(small)
        for (const [at, value] of edits) bytes[at] = value
        const path = await write(bytes)
        const outcome = await cachedWeightsDigest(path).catch((error: unknown) => error)
        await rm(path)
        if (typeof outcome === 'string') expect(outcome).toMatch(/^sha256:[0-9a-f]{64}$/)
        else expect(outcome).toBeInstanceOf(InferenceError)
      }),
      { numRuns: 300 },
    )
  })
})

describe('weights digest', () => {
  it('is that of the bundled model', async () => {
    expect(await cachedWeightsDigest(MODEL)).toBe(DIGEST)
  })

  it('does not depend on order, padding, names of the model or its template', async () => {
    const digest = await digestOf(gguf([VOCABULARY], [A, B]))
    expect(await digestOf(gguf([TEMPLATE, VOCABULARY, NAME], [A, B]))).toBe(digest)
    expect(await digestOf(gguf([VOCABULARY], [B, A]))).toBe(digest)
    expect(await digestOf(gguf([VOCABULARY], [A, B], { gap: 64 }))).toBe(digest)
  })

  it('depends on every weight, every name and the vocabulary', async () => {
    const digests = await Promise.all(
      [
        gguf([VOCABULARY], [A, B]),
        gguf([VOCABULARY], [A]),
        gguf([VOCABULARY], [A, { ...B, data: Buffer.from('bbbbbbbB') }]),
        gguf([VOCABULARY], [A, { ...B, name: 'c.weight' }]),
        gguf(
          [VOCABULARY],
          [
            { ...A, data: B.data },
            { ...B, data: A.data },
          ],
        ),
        gguf([], [A, B]),
        gguf([['tokenizer.ggml.model', 8, text('gpt2')]], [A, B]),
      ].map(digestOf),
    )
    expect(new Set(digests).size).toBe(digests.length)
  })

  it('is cached while a file does not change, and recomputed after a change', async () => {
    const cacheDir = join(directory, 'cache')
    const path = await write(gguf([VOCABULARY], [A, B]))
    const first = await cachedWeightsDigest(path, { cacheDir })
    const [entry] = await readdir(join(cacheDir, 'digests'))
    await writeFile(join(cacheDir, 'digests', entry ?? ''), DIGEST)
    expect(await cachedWeightsDigest(path, { cacheDir })).toBe(DIGEST)
    await utimes(path, new Date(), new Date(Date.now() + 60_000))
    expect(await cachedWeightsDigest(path, { cacheDir })).toBe(first)
  })

  it('ends when the signal fires', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(cachedWeightsDigest(MODEL, { signal })).rejects.toThrow('enough')
  })
})
