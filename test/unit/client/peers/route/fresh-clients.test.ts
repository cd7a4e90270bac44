import { describe, expect, it } from 'vitest'
import { createRouter } from '../../../../../client/peers/route/create-router.ts'
import type { Router } from '../../../../../client/peers/route/router.ts'
import type { Candidate } from '../../../../../client/request/index.ts'
import { Random } from '../../../../../testing/index.ts'
import {
  advertisementOf,
  modelNamed,
  newPeerId,
} from '../../../../../testing/swarms/client-peers.ts'
import { VirtualClock } from '../../../../../testing/virtual-clock.ts'

const CLIENTS = 20
const request = { promptTokens: 20, answerTokens: 100, affinity: undefined, apart: [] }

/** Nodes alike in everything but their ids, always in the same order. */
async function alike(count: number): Promise<Candidate[]> {
  const model = modelNamed('m')
  const peerId = await newPeerId()
  const advertisement = advertisementOf(peerId, [model])
  return Array.from({ length: count }, (_, index) => {
    return { peerId, key: `node ${index}`, advertisement, model, acquaintance: 'met' as const }
  })
}

function withRouter<T>(seed: number, use: (router: Router) => T): T {
  const random = new Random(seed)
  const salt = Uint8Array.from({ length: 16 }, () => random.below(256))
  const router = createRouter({ clock: new VirtualClock(), random: random.next, salt })
  try {
    return use(router)
  } finally {
    router.close()
  }
}

/** How many of the fresh clients choose the peer that most of them choose, and how many peers are chosen at all. */
function crowd(peers: readonly Candidate[], spread: boolean): { most: number; chosen: number } {
  const counts = new Map<string, number>()
  for (let seed = 1; seed <= CLIENTS; seed += 1) {
    const key = withRouter(seed, (router) => router.choose(peers, { ...request, spread })?.key)
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return { most: Math.max(...counts.values()), chosen: counts.size }
}

describe('fresh clients that know the same peers in the same order', () => {
  it.each([20, 100])('ask different ones of %i', async (count) => {
    const peers = await alike(count)
    for (const spread of [false, true]) {
      const { most, chosen } = crowd(peers, spread)
      expect(most).toBeLessThanOrEqual(5)
      expect(chosen).toBeGreaterThanOrEqual(9)
    }
  })

  it('see room at a peer until their own requests take its slots', async () => {
    const [peer] = (await alike(1)) as [Candidate]
    withRouter(1, (router) => {
      const { slots } = peer.advertisement
      for (let taken = 0; taken < slots; taken += 1) {
        expect(router.mayHaveRoom(peer)).toBe(true)
        router.choose([peer], request)
      }
      expect(router.mayHaveRoom(peer)).toBe(false)
    })
  })
})
