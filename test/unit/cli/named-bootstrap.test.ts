import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withBootstrap } from '../../../cli/named-bootstrap.ts'
import { rememberBootstrap } from '../../../cli/remembered-bootstrap.ts'
import type { Session } from '../../../cli/runtime.ts'
import { createSwarmKey, DEFAULT_BOOTSTRAP, sealBootstrapList } from '../../../host/index.ts'

const NO_LOG = { log: (): void => undefined }

const PEER = '12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
const A = `/ip4/44.0.0.1/tcp/4801/p2p/${PEER}`
const B = `/ip4/44.0.0.2/tcp/4801/p2p/${PEER}`
const C = '/dnsaddr/skein.example'

let dataDir: string
const logged: string[] = []
const session = {
  terminal: { log: (line: string) => logged.push(line) },
  signal: new AbortController().signal,
} as unknown as Session

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'skein-named-'))
  logged.length = 0
})
afterEach(() => rm(dataDir, { recursive: true }))

const named = async (bootstrap: readonly string[], swarmKey?: Uint8Array) =>
  (await withBootstrap(session, { bootstrap, ...(swarmKey && { swarmKey }) }, dataDir)).bootstrap

describe('the bootstrap peers to join through', () => {
  it('are those named, else those that answered last, else those compiled in', async () => {
    expect(await named([])).toEqual(DEFAULT_BOOTSTRAP)
    const connected = [{ address: A, status: 'connected' as const }]
    await rememberBootstrap(dataDir, { bootstrapPeers: () => connected }, NO_LOG)
    expect(await named([])).toEqual([A])
    expect(await named([B])).toEqual([B])
  })

  it('are never the public ones in a private swarm', async () => {
    expect(await named([], createSwarmKey())).toEqual([])
  })

  it('may come from a file, with comments', async () => {
    const file = join(dataDir, 'peers.txt')
    await writeFile(file, `# ours\n${A}\n\n  ${C} # and friends\n`)
    expect(await named([`@${file}`, B])).toEqual([A, C, B])
  })

  it.each([
    ['# nothing\n', 'contains no address'],
    ['/ip4/44.0.0.1/tcp/1\n', '/p2p/'],
    ['@other.txt\n', 'cannot name other lists'],
  ])('say what is wrong with a file of %j', async (text, why) => {
    const file = join(dataDir, 'peers.txt')
    await writeFile(file, text)
    await expect(named([`@${file}`])).rejects.toThrow(why)
    await expect(named(['@/no/such/file'])).rejects.toThrow('no such file')
  })
})

describe('a list at a URL', () => {
  let server: Server
  let key: PrivateKey
  let source: string
  let body: string | undefined

  const sealed = (addresses: readonly string[], issuedAtMs = Date.now()): Promise<string> =>
    sealBootstrapList({ addresses, issuedAtMs, expiresAtMs: Date.now() + 60_000_000 }, key)

  beforeEach(async () => {
    key = await generateKeyPair('Ed25519')
    server = createServer((_, response) => {
      if (body === undefined) response.writeHead(500).end()
      else response.end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    source = `http://127.0.0.1:${port}/peers#${peerIdFromPrivateKey(key).toString()}`
  })
  afterEach(() => new Promise((resolve) => server.close(resolve)))

  it('is used, and kept for the day on which the server is gone', async () => {
    body = await sealed([A, B])
    expect(await named([source])).toEqual([A, B])
    body = undefined
    expect(await named([source])).toEqual([A, B])
  })

  it('is not replaced by an older one', async () => {
    body = await sealed([A])
    await named([source])
    body = await sealed([B], Date.now() - 60_000)
    expect(await named([source])).toEqual([A])
  })

  it.each([
    [
      'signed by another',
      async () =>
        sealBootstrapList(
          { addresses: [B], issuedAtMs: 0, expiresAtMs: 9e12 },
          await generateKeyPair('Ed25519'),
        ),
      'not signed by',
    ],
    ['too long', () => Promise.resolve('x'.repeat(100_000)), 'too long'],
    ['an error', () => Promise.resolve(undefined), 'HTTP status 500'],
  ])('is left out, and said so, when it is %s', async (_, text, why) => {
    body = await text()
    expect(await named([source, A])).toEqual([A])
    expect(logged.join()).toContain(why)
  })
})
