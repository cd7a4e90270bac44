import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Choice } from '../../../../client/dispatch/choice.ts'
import type { DispatchContext } from '../../../../client/dispatch/dispatch-context.ts'
import { Selection } from '../../../../client/dispatch/selection.ts'
import { createRouter } from '../../../../client/peers/route/create-router.ts'
import type { Router } from '../../../../client/peers/route/router.ts'
import type { Candidate, Query } from '../../../../client/request/index.ts'
import { Random, VirtualClock } from '../../../../testing/index.ts'
import { advertisementOf, modelNamed, newPeerId } from '../../../../testing/swarms/client-peers.ts'
import { openScope, raceSignal } from '../../../../timing/index.ts'

const LOOKUP_MS = 5_000
const SLOTS = 2
const query: Query = { reference: { id: 'm' }, needs: { capabilities: [], fields: [] } }
const { signal } = new AbortController()

describe('requests of a new client that begin together', () => {
  let clock: VirtualClock
  let router: Router

  beforeEach(() => {
    clock = new VirtualClock()
    const random = new Random(7)
    const salt = Uint8Array.from({ length: 16 }, () => random.below(256))
    router = createRouter({ clock, random: random.next, salt })
  })
  afterEach(() => router.close())

  /** Peers known by hearsay until they are met, each after its time. A look-up begins with the first question. */
  async function contextWith(metAfterMs: readonly number[]): Promise<DispatchContext> {
    const model = modelNamed('m')
    const peerId = await newPeerId()
    const advertisement = { ...advertisementOf(peerId, [model]), slots: SLOTS }
    const candidates = (): readonly Candidate[] =>
      metAfterMs.map((metMs, index) => ({
        ...{ peerId, key: `node ${index}`, advertisement, model },
        acquaintance: clock.now() >= metMs ? 'met' : 'heard',
      }))
    const looks = new Set<() => void>()
    const onMet = (): void => {
      for (const look of looks) look()
    }
    for (const metMs of metAfterMs) clock.after(metMs, onMet, { background: true })
    const directory: Pick<DispatchContext['directory'], 'candidates' | 'discover' | 'isSilent'> = {
      candidates,
      isSilent: () => false,
      async discover(_, accept, options) {
        const { promise, resolve } = Promise.withResolvers<void>()
        using _end = clock.after(LOOKUP_MS - clock.now(), resolve)
        const look = (): void => {
          if (accept(candidates())) resolve()
        }
        looks.add(look)
        look()
        try {
          await raceSignal(promise, options.signal)
          return accept(candidates())
        } finally {
          looks.delete(look)
        }
      },
    }
    const prober = { refresh: () => {} }
    const parts = { clock, router, directory, prober, random: () => 0 }
    return parts as unknown as DispatchContext
  }

  /** Each request holds its slot for so long. @returns by peer, how many asked it, and when the last one had a peer */
  async function ask(context: DispatchContext, requests: number, holdMs: number) {
    const counts = new Map<string, number>()
    const one = async (): Promise<void> => {
      using scope = openScope({ timeoutMs: 120_000, clock }, { signal })
      const init = { query, promptTokens: 20, answerTokens: 100, affinity: undefined }
      const selection = new Selection(context, init)
      const { candidate }: Choice = await selection.next({ busy: [] }, scope)
      const slot = router.enter(candidate)
      clock.after(holdMs, () => slot[Symbol.dispose](), { background: true })
      counts.set(candidate.key, (counts.get(candidate.key) ?? 0) + 1)
    }
    await clock.until(Promise.all(Array.from({ length: requests }, one)))
    return { counts, tookMs: clock.now() }
  }
  const times = (count: number, at: (index: number) => number): number[] =>
    Array.from({ length: count }, (_, index) => at(index))

  it.each([
    ['at once', 12, (index: number) => 100 + index],
    ['slowly, as on a busy machine', 12, (index: number) => 1_200 + 300 * index],
    ['with long pauses', 4, (index: number) => 900 + 1_300 * index],
  ])('spread over all nodes that are met %s', async (_, nodes, metMs) => {
    const context = await contextWith(times(nodes, metMs))
    const { counts } = await ask(context, nodes * SLOTS, 60_000)
    expect([...counts.values()]).toEqual(times(nodes, () => SLOTS))
  })

  it('wait only a second for others where the first was met at once and none follows', async () => {
    const context = await contextWith([0, ...times(9, () => Number.POSITIVE_INFINITY)])
    const { counts, tookMs } = await ask(context, 10, 60_000)
    expect([...counts]).toEqual([['node 0', 10]])
    expect(tookMs).toBeGreaterThanOrEqual(1_000)
    expect(tookMs).toBeLessThanOrEqual(1_100)
  })

  it('wait no longer than the look-up, however many are met and full', async () => {
    const context = await contextWith(times(40, (index) => 500 + 900 * index))
    const { tookMs } = await ask(context, 40, 60_000)
    expect(tookMs).toBeLessThanOrEqual(500 + LOOKUP_MS)
  })

  it('take a slot that one of them leaves', async () => {
    const context = await contextWith([0, ...times(9, () => Number.POSITIVE_INFINITY)])
    const { tookMs } = await ask(context, 2 * SLOTS, 300)
    expect(tookMs).toBeLessThanOrEqual(600)
  })
})
