import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { recallBootstrap, rememberBootstrap } from '../../../cli/remembered-bootstrap.ts'
import type { BootstrapState } from '../../../host/index.ts'

const PEER = '12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
const A = `/ip4/192.168.1.5/tcp/4801/p2p/${PEER}`
const B = `/ip4/192.168.1.6/tcp/4801/p2p/${PEER}`

let dataDir: string

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'skein-remember-'))
})

afterEach(() => rm(dataDir, { recursive: true }))

const hostWith = (...states: BootstrapState[]) => ({ bootstrapPeers: () => states })

const faults: string[] = []
const terminal = { log: (message: string): void => void faults.push(message) }

it('remembers those that answered', async () => {
  const failed = { address: B, status: 'waiting', lastError: 'refused' } as const
  await rememberBootstrap(dataDir, hostWith({ address: A, status: 'connected' }, failed), terminal)
  expect(await recallBootstrap(dataDir, terminal)).toEqual([A])
})

it('forgets no peer because none answers today', async () => {
  await rememberBootstrap(dataDir, hostWith({ address: A, status: 'connected' }), terminal)
  await rememberBootstrap(dataDir, hostWith({ address: A, status: 'dialing' }), terminal)
  expect(await recallBootstrap(dataDir, terminal)).toEqual([A])
})

it.each(['', '{', '{"a":1}', '["nonsense"]'])(
  'starts with none where the file holds %j',
  async (text) => {
    await writeFile(join(dataDir, 'bootstrap.json'), text)
    faults.length = 0
    expect(await recallBootstrap(dataDir, terminal)).toEqual([])
    expect(faults).toEqual([expect.stringContaining('bootstrap.json.damaged')])
  },
)
