import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import { createBootstrap } from '../../bootstrap/index.ts'
import { createClient } from '../../client/index.ts'
import { createNode } from '../../node/index.ts'

/** Made by 0.1.0: a bootstrap peer, a node that served three requests, and the client that sent them. */
const FIXTURE = fileURLToPath(new URL('../fixtures/data-directory-0.1.0', import.meta.url))
const PEERS = {
  bootstrap: '12D3KooWRYLRohAkbLXcLNh8fDYPtq6HWfksPB57wmE8MPUVbovg',
  node: '12D3KooWKypFxmS4hG4BARX8LyVCcQVVpTGDXu9tKwb7HHMbNZAK',
  client: '12D3KooWAgGEtAi4KDUbuKJVdR1V6RZnuePucsuXdYYRB8u2QQU5',
}

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-upgrade-'))
  await cp(FIXTURE, directory, { recursive: true })
})
afterAll(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))

it('opens the data directories of 0.1.0: the same peers, who know what they knew', async () => {
  const faults: string[] = []
  const host = (role: keyof typeof PEERS) => ({
    listen: ['/ip4/127.0.0.1/tcp/0'],
    dataDir: join(directory, role),
    onFault: (message: string) => faults.push(message),
  })
  const first = await createBootstrap(host('bootstrap'))
  const bootstrap = first.host.addresses().map(String)
  await using backend = createScriptedBackend({ models: [{ id: 'm' }] })
  const node = await createNode({ host: { ...host('node'), bootstrap }, backend })
  const client = await createClient({ ...host('client'), bootstrap })
  try {
    expect([first.host, node.host, client.host].map(({ peerId }) => peerId.toString())).toEqual(
      Object.values(PEERS),
    )
    // The system picks other ports than those that the client knows.
    await client.host.libp2p.dial([...node.host.addresses()])
    const messages = [{ role: 'user', content: 'Still there?' }] as const
    const answer = await client.chat({ model: 'm', messages })
    expect(answer.skein.peerId).toBe(PEERS.node)
  } finally {
    await client.close()
    await node.drain()
    await first[Symbol.asyncDispose]()
  }
  expect(faults).toEqual([])
  expect(await readFile(join(directory, 'node/debts.json'), 'utf8')).toContain(PEERS.client)
})
