import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findLocalModel, localModels, removeLocalModel } from '../../../backend/index.ts'
import { lockDownload } from '../../../backend/model-source/download-lock.ts'
import { markInUse } from '../../../backend/model-source/in-use.ts'
import { InferenceError } from '../../../protocol/index.ts'

let cache: string

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'skein-local-models-'))
})

afterEach(async () => {
  await rm(cache, { recursive: true, force: true })
})

async function store(path: string, files: Readonly<Record<string, string>>): Promise<string> {
  const full = join(cache, path)
  await mkdir(dirname(full), { recursive: true })
  for (const [end, text] of Object.entries(files)) await writeFile(`${full}${end}`, text)
  return full
}

const whole = (path: string) => store(path, { '': 'GGUF', '.sha256': `${'a'.repeat(64)}\n` })

describe('localModels', () => {
  it('lists whole models and parts, with where they come from', async () => {
    await whole('hf/org/repo/main/sub/m-Q4_K_M.gguf')
    await whole('hf/org/repo/v1%2Fb/m-Q8_0.gguf')
    await store('url/0123/n.gguf', { '.part': 'GG', '.source': 'https://x.example/n.gguf\n' })
    expect(await localModels(cache)).toMatchObject([
      { name: 'm-q4_k_m', id: 'm', source: 'hf:org/repo/sub/m-Q4_K_M.gguf', bytes: 4 },
      { name: 'm-q8_0', id: 'm', source: 'hf:org/repo/m-Q8_0.gguf@v1/b', sha256: 'a'.repeat(64) },
      { name: 'n', source: 'https://x.example/n.gguf', bytes: 2 },
    ])
    const [, , part] = await localModels(cache)
    expect(part).not.toHaveProperty('sha256')
  })

  it('has none before the first download', async () => {
    expect(await localModels(join(cache, 'missing'))).toEqual([])
  })
})

describe('findLocalModel', () => {
  it('takes a source, a path, a file’s name or an id', async () => {
    const path = await whole('hf/org/repo/main/m-Q4_K_M.gguf')
    for (const name of ['hf:org/repo/m-Q4_K_M.gguf', path, 'M-Q4_K_M.gguf', 'm-q4_k_m', 'm']) {
      expect((await findLocalModel(cache, name)).path, name).toBe(path)
    }
  })

  it('refuses a name of two models, and names both', async () => {
    await whole('hf/org/repo/main/m-Q4_K_M.gguf')
    await whole('hf/org/repo/main/m-Q8_0.gguf')
    await expect(findLocalModel(cache, 'm')).rejects.toThrow(/m-q4_k_m, m-q8_0/)
    expect((await findLocalModel(cache, 'm-q8_0')).name).toBe('m-q8_0')
    await expect(findLocalModel(cache, 'other')).rejects.toMatchObject({ code: 'model_not_found' })
  })
})

describe('removeLocalModel', () => {
  it('leaves nothing of the model, and its neighbours alone', async () => {
    await whole('hf/org/repo/main/m.gguf')
    await whole('hf/org/other/main/n.gguf')
    await removeLocalModel(cache, await findLocalModel(cache, 'm'))
    expect((await localModels(cache)).map(({ name }) => name)).toEqual(['n'])
    expect(await readdir(join(cache, 'hf/org'))).toEqual(['other'])
  })

  it('refuses a model that a process uses, until that releases it or has ended', async () => {
    const path = await whole('hf/org/repo/main/m.gguf')
    const mark = await markInUse(path, cache)
    const model = await findLocalModel(cache, 'm')
    expect(model.users).toEqual([process.pid])
    await expect(removeLocalModel(cache, model)).rejects.toSatisfy((error) =>
      InferenceError.is(error, 'over_capacity'),
    )
    await mark[Symbol.asyncDispose]()
    const ended = spawn(process.execPath, ['-e', ''])
    await once(ended, 'exit')
    await writeFile(`${path}.used-${ended.pid}`, '')
    await removeLocalModel(cache, model)
    expect(await localModels(cache)).toEqual([])
  })

  it('refuses a model that is being downloaded', async () => {
    const path = await store('hf/org/repo/main/m.gguf', { '.part': 'GG' })
    await using _lock = await lockDownload(path)
    await expect(removeLocalModel(cache, await findLocalModel(cache, 'm'))).rejects.toThrow(
      /being downloaded/,
    )
  })

  it('marks no file of the owner’s own', async () => {
    const own = await mkdtemp(join(tmpdir(), 'skein-own-'))
    const path = join(own, 'm.gguf')
    await writeFile(path, 'GGUF')
    await using _mark = await markInUse(path, cache)
    expect(await readdir(own)).toEqual(['m.gguf'])
    await rm(own, { recursive: true })
  })
})
