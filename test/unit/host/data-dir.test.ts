import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import * as lengthPrefixed from 'it-length-prefixed'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KeptAdvertisement } from '../../../host/advertisement-book.ts'
import {
  readAdvertisementCache,
  writeAdvertisementCache,
} from '../../../host/advertisement-cache.ts'
import { DataDirLockedError, lockDataDir } from '../../../host/data-dir-lock.ts'
import { loadIdentity } from '../../../host/identity.ts'
import { loadListenPorts, saveListenPorts, withKnownPorts } from '../../../host/listen-ports.ts'
import { createSigner, seal } from './advertisement-maker.ts'

let directory: string
let faults: string[]
const onFault = (message: string): void => void faults.push(message)
beforeEach(async () => {
  faults = []
  directory = await mkdtemp(join(tmpdir(), 'skein-data-dir-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

describe('the lock of a data directory', () => {
  it('names the process that holds it, and opens when released', async () => {
    const unlock = await lockDataDir(directory)
    const error = await lockDataDir(directory).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DataDirLockedError)
    expect(error).toMatchObject({ code: 'invalid_request', pid: process.pid, dataDir: directory })
    expect((error as Error).message).toContain(String(process.pid))
    await unlock()
    await (await lockDataDir(directory))()
  })

  it('respects another running process and takes over from a dead one', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      stdio: 'ignore',
    })
    await once(child, 'spawn')
    await writeFile(join(directory, 'lock'), JSON.stringify({ pid: child.pid, startedAt: '' }))
    await expect(lockDataDir(directory)).rejects.toMatchObject({ pid: child.pid })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await (await lockDataDir(directory))()
  })

  it.skipIf(process.platform !== 'linux')(
    'takes over from a dead process whose id belongs to another by now',
    async () => {
      await writeFile(join(directory, 'lock'), JSON.stringify({ pid: process.pid, startedAt: '1' }))
      await (await lockDataDir(directory))()
    },
  )

  it('takes over a lock file without a process id', async () => {
    await writeFile(join(directory, 'lock'), 'rubbish')
    await (await lockDataDir(directory))()
  })

  it('goes to exactly one of many that find it stale', async () => {
    await writeFile(join(directory, 'lock'), 'rubbish')
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(directory)))
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('the identity', () => {
  it('stays the same and is readable by its owner only', async () => {
    const path = join(directory, 'identity.key')
    const first = await loadIdentity(path)
    const second = await loadIdentity(path)
    expect(second.equals(first)).toBe(true)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('is not silently replaced when its file is damaged', async () => {
    const path = join(directory, 'identity.key')
    await writeFile(path, 'no key')
    await expect(loadIdentity(path)).rejects.toMatchObject({ code: 'internal' })
    expect(await readFile(path, 'utf8')).toBe('no key')
  })
})

describe('listen ports', () => {
  const LISTEN = ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws', '/ip4/127.0.0.1/tcp/4001']

  it('are remembered for addresses that left them open', async () => {
    const path = join(directory, 'ports.json')
    const peer = '/p2p/12D3KooWL1khQquees1d8CRWHncYaZmNz7rcdwa7griQJexqFBQg'
    const bound = [`/ip4/127.0.0.1/tcp/40123${peer}`, `/ip4/127.0.0.1/tcp/40124/ws${peer}`]
    await saveListenPorts(
      path,
      LISTEN,
      bound.map((text) => multiaddr(text)),
    )
    const ports = await loadListenPorts(path, onFault)
    expect(ports).toEqual({ '/ip4/127.0.0.1/tcp/0': 40_123, '/ip4/127.0.0.1/tcp/0/ws': 40_124 })
  })

  it('are remembered for all interfaces', async () => {
    const path = join(directory, 'ports.json')
    const listen = ['/ip4/0.0.0.0/tcp/0']
    await saveListenPorts(path, listen, [multiaddr('/ip4/127.0.0.1/tcp/40125')])
    expect(await loadListenPorts(path, onFault)).toEqual({ '/ip4/0.0.0.0/tcp/0': 40_125 })
  })

  it('are picked again when another process has taken them', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const known = { '/ip4/127.0.0.1/tcp/0': port }
    expect(await withKnownPorts(LISTEN, known)).toEqual(LISTEN)
    server.close()
    await once(server, 'close')
    expect((await withKnownPorts(LISTEN, known))[0]).toBe(`/ip4/127.0.0.1/tcp/${port}`)
  })

  it('are dropped when the file is damaged', async () => {
    const path = join(directory, 'ports.json')
    await writeFile(path, '{"/ip4/127.0.0.1/tcp/0": "all"}')
    expect(await loadListenPorts(path, onFault)).toEqual({})
    await writeFile(path, '{')
    expect(await loadListenPorts(path, onFault)).toEqual({})
    expect(faults).toEqual([
      expect.stringMatching(/ports\.json\.damaged\)/),
      expect.stringMatching(/ports\.json\.damaged-2\)/),
    ])
  })
})

describe('the advertisement cache', () => {
  const kept: readonly KeptAdvertisement[] = [
    { envelope: Uint8Array.of(1, 2, 3), acquaintance: 'answered' },
    { envelope: new Uint8Array(40_000).fill(7), acquaintance: 'met' },
    { envelope: Uint8Array.of(9), acquaintance: 'heard' },
  ]

  it('gives back what was written', async () => {
    const path = join(directory, 'advertisements')
    await writeAdvertisementCache(path, kept)
    expect(await readAdvertisementCache(path, 10)).toEqual(kept)
    expect(await readAdvertisementCache(path, 2)).toEqual(kept.slice(0, 2))
  })

  it('reads a file of the older format, without acquaintances, as hearsay', async () => {
    const path = join(directory, 'advertisements')
    const envelope = await seal(await createSigner(), { issuedAtMs: 0 })
    await writeFile(path, lengthPrefixed.encode.single(envelope).subarray())
    expect(await readAdvertisementCache(path, 10)).toEqual([{ envelope, acquaintance: 'heard' }])
  })

  it('returns the valid part of a damaged file', async () => {
    const path = join(directory, 'advertisements')
    await writeAdvertisementCache(path, kept)
    const bytes = await readFile(path)
    await writeFile(path, bytes.subarray(0, 20_000))
    expect(await readAdvertisementCache(path, 10, onFault)).toEqual(kept.slice(0, 1))
    expect(faults).toEqual([expect.stringContaining('advertisements.damaged')])
    await writeFile(path, new Uint8Array(100).fill(255))
    expect(await readAdvertisementCache(path, 10)).toEqual([])
    expect(await readAdvertisementCache(join(directory, 'none'), 10)).toEqual([])
  })
})
