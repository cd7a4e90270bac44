import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createClient, createClientOver, openReputation } from '../../../client/index.ts'
import { createHost, type Host } from '../../../host/index.ts'
import type { Ledger } from '../../../ledger/index.ts'

/** A host of a client's own, which says when it is closed. */
async function startHost(): Promise<{ readonly host: Host; readonly closed: () => boolean }> {
  const host = await createHost({ dht: 'client' })
  return { host, closed: () => host.libp2p.status === 'stopped' }
}

const failing = (message: string): Ledger =>
  ({
    trust: { standing: () => undefined },
    [Symbol.asyncDispose]: () => Promise.reject(new Error(message)),
  }) as unknown as Ledger

describe('closing a client', () => {
  it('stops the host even if a part of the client fails to close, and throws', async () => {
    const { host, closed } = await startHost()
    const client = createClientOver(host, { closes: [failing('the disk is full')] })
    await expect(client.close()).rejects.toThrow('the disk is full')
    expect(closed()).toBe(true)
  })

  it('reports every part that failed to close', async () => {
    const { host, closed } = await startHost()
    await using saved = await openReputation(undefined, Date.now)
    const client = createClientOver(host, {
      closes: [failing('the disk is full')],
      saved: { ...saved, [Symbol.asyncDispose]: () => Promise.reject(new Error('it is locked')) },
    })
    await expect(client.close()).rejects.toMatchObject({
      errors: [{ message: 'the disk is full' }, { message: 'it is locked' }],
    })
    expect(closed()).toBe(true)
  })

  it('happens once, however often it is called', async () => {
    const { host } = await startHost()
    let closings = 0
    const ledger = {
      trust: { standing: () => undefined },
      [Symbol.asyncDispose]: async () => {
        closings += 1
      },
    } as unknown as Ledger
    const client = createClientOver(host, { ledger, closes: [ledger] })
    await Promise.all([client.close(), client.close()])
    await client[Symbol.asyncDispose]()
    expect(closings).toBe(1)
  })

  it('stops the host if the client cannot be created', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'skein-client-'))
    const init = { dataDir, aliases: { loop: 'loop' } }
    await expect(createClient(init)).rejects.toMatchObject({ code: 'invalid_request' })
    // The directory of a host that runs is locked.
    await using client = await createClient({ dataDir })
    expect(client.host.libp2p.status).toBe('started')
    await client.close()
    await rm(dataDir, { recursive: true })
  })
})

describe('the clock of a client', () => {
  it('is used by its reputation', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'skein-client-'))
    const longAgo = 1_000_000
    {
      await using saved = await openReputation(dataDir, () => longAgo)
      const audit = { outcome: 'failed', logRatio: 0, hardMisses: 0 } as const
      for (let strike = 0; strike < 10; strike += 1) saved.reputation.audited('p', 's', audit)
      expect(saved.reputation.report()).toMatchObject([{ state: 'quarantined' }])
    }
    {
      await using client = await createClient({ dataDir, now: () => longAgo + 1 })
      expect(client.reputation()).toMatchObject([{ peer: 'p', state: 'quarantined' }])
    }
    await using client = await createClient({ dataDir })
    expect(client.reputation().map(({ state }) => state)).not.toContain('quarantined')
    await client.close()
    await rm(dataDir, { recursive: true })
  })
})
