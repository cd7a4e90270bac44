import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cachedWeightsDigest, hubSnapshot } from '../../../backend/index.ts'
import { InferenceError } from '../../../protocol/index.ts'

let directory: string
let folders = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-safetensors-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

type Files = Readonly<Record<string, string | Uint8Array>>

async function folderOf(files: Files): Promise<string> {
  const folder = join(directory, String(folders++))
  await mkdir(folder)
  for (const [name, data] of Object.entries(files)) await writeFile(join(folder, name), data)
  return folder
}

const digestOf = async (files: Files) => await cachedWeightsDigest(await folderOf(files))

/** Tensors of bytes, laid out in the order given. */
function safetensors(
  tensors: Readonly<Record<string, readonly number[]>>,
  metadata: Readonly<Record<string, string>> = {},
): Buffer {
  let at = 0
  const header: Record<string, object> = { __metadata__: metadata }
  for (const [name, data] of Object.entries(tensors)) {
    header[name] = { dtype: 'U8', shape: [data.length], data_offsets: [at, at + data.length] }
    at += data.length
  }
  return withHeader(JSON.stringify(header), Object.values(tensors).flat())
}

function withHeader(header: string, data: readonly number[] = []): Buffer {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)))
  return Buffer.concat([length, Buffer.from(header), Buffer.from(data)])
}

const A = { a: [1, 2, 3] }
const B = { b: [4, 5] }
const TOKENIZER = { 'tokenizer.json': '{"model":{}}' }
const WHOLE = { ...TOKENIZER, 'model.safetensors': safetensors({ ...A, ...B }) }

describe('digest of a folder of safetensors', () => {
  it('does not depend on order, metadata, other files, or how the tensors are cut into files', async () => {
    const digest = await digestOf(WHOLE)
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/)
    const reordered = safetensors({ ...B, ...A }, { format: 'pt' })
    expect(await digestOf({ ...WHOLE, 'model.safetensors': reordered })).toBe(digest)
    const index = { weight_map: { a: 'x-1.safetensors', b: 'x-2.safetensors' } }
    const sharded = {
      ...TOKENIZER,
      'x-1.safetensors': safetensors(A),
      'x-2.safetensors': safetensors(B),
      'model.safetensors.index.json': JSON.stringify(index),
      // The same once more, in its maker's own layout.
      'consolidated.safetensors': safetensors({ ...A, ...B }),
      'config.json': '{}',
    }
    expect(await digestOf(sharded)).toBe(digest)
  })

  it('depends on every weight, every name, their types and the tokenizer', async () => {
    const digests = await Promise.all(
      [
        WHOLE,
        { ...WHOLE, 'model.safetensors': safetensors({ a: [1, 2, 4], ...B }) },
        { ...WHOLE, 'model.safetensors': safetensors({ c: [1, 2, 3], ...B }) },
        { ...WHOLE, 'model.safetensors': safetensors({ a: [1, 2], b: [3, 4, 5] }) },
        { ...WHOLE, 'tokenizer.json': '{"model":{"vocab":{}}}' },
      ].map(digestOf),
    )
    expect(new Set(digests).size).toBe(digests.length)
  })

  it('is cached while no file changes, and recomputed after a change', async () => {
    const folder = await folderOf(WHOLE)
    const cacheDir = join(directory, 'cache')
    const digest = await cachedWeightsDigest(folder, { cacheDir })
    const path = join(folder, 'model.safetensors')
    await writeFile(path, safetensors({ a: [9, 9, 9], ...B }))
    await utimes(path, new Date(), new Date(Date.now() + 60_000))
    const changed = await cachedWeightsDigest(folder, { cacheDir })
    expect(changed).not.toBe(digest)
    expect(await cachedWeightsDigest(folder, { cacheDir })).toBe(changed)
  })

  it.each<[string, Files]>([
    ['without a tokenizer', { 'model.safetensors': safetensors(A) }],
    ['without weights', TOKENIZER],
    [
      'with several files and no index',
      { ...TOKENIZER, 'a.safetensors': safetensors(A), 'b.safetensors': safetensors(B) },
    ],
    [
      'whose index names a file elsewhere',
      {
        ...WHOLE,
        'model.safetensors.index.json': JSON.stringify({ weight_map: { a: '../secret' } }),
      },
    ],
    ['whose weights are garbage', { ...TOKENIZER, 'model.safetensors': 'no tensors in here' }],
    ['whose header is no JSON', { ...TOKENIZER, 'model.safetensors': withHeader('{"a":') }],
    [
      'whose tensors lie outside',
      {
        ...TOKENIZER,
        'model.safetensors': withHeader(
          '{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}',
          [1],
        ),
      },
    ],
  ])('refuses one %s', async (_, files) => {
    await expect(digestOf(files)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('gives a digest or a typed error for any bytes', async () => {
    const folder = await folderOf(WHOLE)
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.json().map((header) => withHeader(header, [1, 2, 3])),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (data) => {
        await writeFile(join(folder, 'model.safetensors'), data)
        const outcome = await cachedWeightsDigest(folder).catch((error: unknown) => error)
        if (typeof outcome === 'string') expect(outcome).toMatch(/^sha256:/)
        else expect(outcome).toBeInstanceOf(InferenceError)
      }),
      { numRuns: 100 },
    )
  })
})

describe('a repository in Hugging Face’s cache', () => {
  it('is found if one version is present', async () => {
    const hub = await folderOf({})
    const snapshots = join(hub, 'models--Org--Model-1.5', 'snapshots')
    await mkdir(join(snapshots, 'abc'), { recursive: true })
    expect(await hubSnapshot('Org/Model-1.5', hub)).toBe(join(snapshots, 'abc'))
    await mkdir(join(snapshots, 'def'))
    expect(await hubSnapshot('Org/Model-1.5', hub)).toBeUndefined()
  })

  it('is not found otherwise', async () => {
    const hub = await folderOf({})
    for (const name of ['Org/Other', 'model', '../x', 'a/b/c', '/etc/passwd', '']) {
      expect(await hubSnapshot(name, hub)).toBeUndefined()
    }
  })
})
