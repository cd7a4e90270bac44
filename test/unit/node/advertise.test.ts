import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import type { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  Advertiser,
  type AdvertiserInit,
  provideKeys,
  Reprovider,
  type ReproviderInit,
  type Statement,
} from '../../../node/advertise/index.ts'
import { nextProvideMs, nextSequence } from '../../../node/advertise/schedule.ts'
import { SharedModels } from '../../../node/shared-models.ts'
import {
  type Advertisement,
  type ModelAdvertisement,
  openAdvertisement,
  parseModelReference,
} from '../../../protocol/index.ts'

const self = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const log = defaultLogger().forComponent('skein:test')
const MINUTE = 60_000

function model(id: string, more: Partial<ModelAdvertisement> = {}): ModelAdvertisement {
  return {
    id,
    aliases: [],
    family: 'llama',
    parameters: 1,
    quantization: 'Q8_0',
    contextLength: 512,
    templateHash: '',
    capabilities: ['chat'],
    resume: 'none',
    fields: [],
    ...more,
  }
}

describe('the schedule', () => {
  it('provides again well before records run out, never at the same time everywhere', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (random) => {
        const ms = nextProvideMs(0, random)
        expect(ms).toBeGreaterThanOrEqual(12 * MINUTE)
        expect(ms).toBeLessThanOrEqual(18 * MINUTE)
      }),
    )
    expect(nextProvideMs(0, 0.1)).not.toBe(nextProvideMs(0, 0.9))
  })

  it('tries again soon after a failure, then ever later, within a minute or so', () => {
    expect([1, 2, 3, 30].map((failures) => nextProvideMs(failures, 0.5))).toEqual([
      1_000, 2_000, 4_000, 60_000,
    ])
  })

  it('counts sequence numbers up whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (times) => {
        let last = 0n
        for (const time of times) {
          const next = nextSequence(last, time)
          expect(next > last).toBe(true)
          last = next
        }
      }),
    )
  })
})

describe('advertising', () => {
  let privateKey: PrivateKey
  /** What the wall clock reads less what the monotonic one does. */
  let driftMs: number
  const now = (): number => driftMs + performance.now()
  let offered: Advertisement[]
  let notified: boolean[]
  let statement: Statement
  let advertiser: Advertiser
  let libp2p: EventTarget

  beforeEach(async () => {
    vi.useFakeTimers()
    privateKey = await generateKeyPair('Ed25519')
    driftMs = 1_700_000_000_000
    offered = []
    notified = []
    libp2p = new EventTarget()
    statement = {
      models: [model('tiny')],
      slots: 2,
      prefillRate: 0,
      decodeRate: 0,
      maxTokens: 0,
      operator: '',
    }
    advertiser = new Advertiser({
      host: {
        libp2p: libp2p as AdvertiserInit['host']['libp2p'],
        privateKey,
        addresses: () => [multiaddr('/ip4/127.0.0.1/tcp/4001')],
        offerAdvertisement: async (envelope, { notify = false } = {}) => {
          notified.push(notify)
          offered.push(await openAdvertisement(envelope, { nowMs: now() }))
        },
      },
      statement: () => statement,
      now,
      random: () => 0.5,
      log,
    })
  })

  afterEach(() => {
    advertiser.stop()
    vi.useRealTimers()
  })

  /** Lets time pass, and the signatures be made. */
  async function pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms)
    await vi.waitFor(() => expect(offered.length).toBeGreaterThan(0), { timeout: 20_000 })
  }

  it('renews long before the advertisement expires', async () => {
    await advertiser.start()
    expect(offered).toHaveLength(1)
    await pass(10 * MINUTE)
    await vi.waitFor(() => expect(offered).toHaveLength(2), { timeout: 20_000 })
    const [first, second] = offered
    expect(second?.sequence).toBeGreaterThan(first?.sequence ?? 0n)
    expect(first?.expiresAtMs).toBeGreaterThan(now())
  })

  it.each([
    ['forward', 24 * 60 * MINUTE],
    ['back', -24 * 60 * MINUTE],
  ])('issues and pushes a new one soon after the clock was set %s by a day', async (_way, ms) => {
    await advertiser.start()
    await pass(MINUTE)
    expect(offered).toHaveLength(1)
    driftMs += ms
    await pass(15_000)
    await vi.waitFor(() => expect(offered).toHaveLength(2), { timeout: 20_000 })
    const [first, second] = offered
    expect(second?.sequence).toBeGreaterThan(first?.sequence ?? 0n)
    expect(Math.abs((second?.issuedAtMs ?? 0) - now())).toBeLessThan(MINUTE)
    expect(notified).toEqual([false, true])
    await pass(MINUTE)
    expect(offered).toHaveLength(2)
  })

  it('issues again when addresses change, once for several changes', async () => {
    await advertiser.start()
    libp2p.dispatchEvent(new Event('self:peer:update'))
    libp2p.dispatchEvent(new Event('self:peer:update'))
    await pass(250)
    await vi.waitFor(() => expect(offered).toHaveLength(2), { timeout: 20_000 })
    await pass(1_000)
    expect(offered).toHaveLength(2)
  })

  it('issues again when measurements have changed enough, not for every change', async () => {
    await advertiser.start()
    statement = { ...statement, decodeRate: 50 }
    await advertiser.refreshIfMoved()
    expect(offered.map(({ decodeRate }) => decodeRate)).toEqual([0, 50])
    statement = { ...statement, decodeRate: 60 }
    await advertiser.refreshIfMoved()
    expect(offered).toHaveLength(2)
    statement = { ...statement, decodeRate: 20 }
    await advertiser.refreshIfMoved()
    statement = { ...statement, slots: 3 }
    await advertiser.refreshIfMoved()
    expect(offered).toHaveLength(4)
  })

  it('withdraws with an empty advertisement that no later issue replaces', async () => {
    await advertiser.start()
    const renewed = advertiser.refresh()
    await Promise.all([renewed, advertiser.withdraw()])
    await advertiser.refresh()
    libp2p.dispatchEvent(new Event('self:peer:update'))
    await pass(60 * MINUTE)
    const withdrawn = offered.findIndex(({ models }) => models.length === 0)
    expect(withdrawn).toBeGreaterThan(0)
    expect(offered.slice(withdrawn).flatMap(({ models }) => models)).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
    const sequences = offered.map(({ sequence }) => sequence)
    expect(new Set(sequences).size).toBe(sequences.length)
  })

  it('truncates an engine’s models to what peers accept', async () => {
    const long = 'x'.repeat(300)
    const aliases = Array.from({ length: 40 }, (_, index) => `alias-${index}`)
    const fields = Array.from({ length: 100 }, (_, index) => `field-${index}`)
    const many = Array.from({ length: 200 }, (_, index) =>
      model(`model-${index}`, { aliases: [long, ...aliases], fields, family: long }),
    )
    statement = { ...statement, models: [model(long), ...many] }
    await advertiser.start()
    const models = offered[0]?.models ?? []
    expect(models.length).toBeGreaterThan(20)
    expect(models.length).toBeLessThanOrEqual(128)
    expect(models[0]).toMatchObject({ id: 'model-0', aliases: aliases.slice(0, 16) })
  })
})

describe('providing', () => {
  /** A DHT that notes what it is told. */
  function dht() {
    const provided: string[] = []
    const stopped: string[] = []
    const host: ReproviderInit['host'] & { failing: boolean } = {
      failing: false,
      joined: async () => ({ joined: true }),
      provide: async (key) => {
        if (host.failing) throw new Error('no answer')
        provided.push(key.toString())
      },
      stopProviding: async (key) => void stopped.push(key.toString()),
    }
    return { provided, stopped, host }
  }

  const names = (keys: readonly CID[]): string[] => keys.map((key) => key.toString())
  const started: Reprovider[] = []

  function reprovider(host: ReproviderInit['host'], keys: ReproviderInit['keys']): Reprovider {
    const made = new Reprovider({ host, keys, random: () => 0.5, log })
    started.push(made)
    return made
  }

  beforeEach(() => {
    vi.useFakeTimers()
  })

  afterEach(async () => {
    for (const one of started.splice(0)) await one.stop()
    vi.useRealTimers()
  })

  it('covers every name of every model under all its shards, and the node under one', async () => {
    const keys = await provideKeys(self, [model('a', { aliases: ['b', 'a'] }), model('c')])
    expect(new Set(names(keys)).size).toBe(13)
    expect(keys).toHaveLength(13)
  })

  it('provides at the start, and again when it is time', async () => {
    const { host, provided } = dht()
    const keys = await provideKeys(self, [model('a')])
    await reprovider(host, async () => keys).start()
    expect(provided.toSorted((a, b) => a.localeCompare(b))).toEqual(
      names(keys).toSorted((a, b) => a.localeCompare(b)),
    )
    await vi.advanceTimersByTimeAsync(15 * MINUTE)
    expect(provided).toHaveLength(2 * keys.length)
  })

  it('tries again after a failure', async () => {
    const { host, provided } = dht()
    const keys = await provideKeys(self, [model('a')])
    host.failing = true
    await reprovider(host, async () => keys).start()
    expect(provided).toEqual([])
    host.failing = false
    await vi.advanceTimersByTimeAsync(1_000)
    expect(provided).toHaveLength(keys.length)
  })

  it('stops providing removed models, and all keys once it stops', async () => {
    const { host, stopped } = dht()
    const [both, one] = await Promise.all([
      provideKeys(self, [model('a'), model('b')]),
      provideKeys(self, [model('a')]),
    ])
    let keys = both
    const made = reprovider(host, async () => keys)
    await made.start()
    keys = one
    await made.refresh()
    expect(stopped).toHaveLength(4)
    await made.stop()
    expect(stopped).toHaveLength(4 + one.length)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('shared models', () => {
  it('finds a model by id, alias and digest, however it is written', async () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const models = [model('tiny', { aliases: ['small'], digest })]
    const shared = new SharedModels({ models: async () => models })
    await shared.refresh()
    for (const name of ['tiny', ' Tiny:latest', 'SMALL', `small@${digest}`]) {
      expect(shared.resolve(parseModelReference(name)).id).toBe('tiny')
    }
    expect(() => shared.resolve(parseModelReference(`tiny@sha256:${'b'.repeat(64)}`))).toThrow(
      expect.objectContaining({ code: 'model_not_found' }),
    )
  })

  it('detects added and removed models', async () => {
    let models = [model('a'), model('b')]
    const shared = new SharedModels({ models: async () => models }, ['a', 'b'])
    expect(await shared.refresh()).toMatchObject({ changed: true, missing: [] })
    expect(await shared.refresh()).toMatchObject({ changed: false })
    models = [model('a'), model('c')]
    expect(await shared.refresh()).toMatchObject({ changed: true, missing: ['b'] })
    expect(shared.all().map(({ id }) => id)).toEqual(['a'])
  })
})
