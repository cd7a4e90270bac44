import type { PeerId } from '@libp2p/interface'
import { beforeAll, describe, expect, it } from 'vitest'
import { autoModels } from '../../../../client/chain/auto-models.ts'
import type { Advertisement, ModelAdvertisement } from '../../../../protocol/index.ts'
import { advertisementOf, modelNamed, newPeerId } from '../../../../testing/swarms/client-peers.ts'

let ids: Awaited<ReturnType<typeof newPeerId>>[]

beforeAll(async () => {
  ids = await Promise.all(Array.from({ length: 13 }, () => newPeerId()))
})

const CHAT = { needs: { capabilities: ['chat'] as const, fields: [] }, isReady: () => true }

function peer(at: number, ...models: readonly ModelAdvertisement[]): Advertisement {
  const id = ids[at]
  if (id === undefined) throw new Error('there are not so many')
  return advertisementOf(id, models)
}

describe('autoModels', () => {
  it('ranks by ready peers, then all peers, then size, then name', () => {
    const [busy, wide, large, small, alike] = [
      modelNamed('busy'),
      modelNamed('wide'),
      modelNamed('large', { parameters: 7e9 }),
      modelNamed('small', { parameters: 1e9 }),
      modelNamed('alike', { parameters: 1e9 }),
    ]
    const known = [
      peer(0, busy),
      peer(1, busy),
      peer(2, busy),
      peer(3, wide, small),
      peer(4, wide, large),
      peer(5, alike),
    ]
    const working = ids.slice(0, 3).map(String)
    const isReady = ({ key }: { readonly key: string }) => !working.includes(key)
    const now = Date.now()
    expect(autoModels(known, { ...CHAT, isReady }, now)).toEqual([
      'wide',
      'large',
      'alike',
      'small',
    ])
    expect(autoModels(known, CHAT, now)).toEqual(['busy', 'wide', 'large', 'alike'])
  })

  it('includes only models that support the request', () => {
    const known = [
      peer(0, modelNamed('embedder', { capabilities: ['embedding'] })),
      peer(1, modelNamed('short', { contextLength: 10 })),
      peer(2, modelNamed('plain')),
      peer(3, modelNamed('biased', { fields: ['logit_bias'] })),
    ]
    const needs = { capabilities: ['chat'] as const, fields: ['logit_bias'] }
    const now = Date.now()
    expect(autoModels(known, { ...CHAT, needs }, now)).toEqual(['biased'])
    expect(autoModels(known, { ...CHAT, promptTokens: 100 }, now)).toEqual(['biased', 'plain'])
  })

  it('puts a model of one peer that was met before one that others tell of by the dozen', () => {
    const made = Array.from({ length: 12 }, (_, i) => peer(i, modelNamed('made-up')))
    const known = [...made, peer(12, modelNamed('there'))]
    const acquaintanceOf = (peerId: PeerId) =>
      peerId.toString() === known[12]?.peerId.toString() ? 'met' : 'heard'
    const now = Date.now()
    const isReady = ({ acquaintance }: { acquaintance?: string }) => acquaintance !== 'heard'
    const order = ['there', 'made-up']
    expect(autoModels(known, { ...CHAT, acquaintanceOf, isReady }, now)).toEqual(order)
    expect(autoModels(known, { ...CHAT, acquaintanceOf }, now)).toEqual(order.toReversed())
  })

  it('ignores expired advertisements', () => {
    expect(autoModels([peer(0, modelNamed('m'))], CHAT, Date.now() + 1e9)).toEqual([])
  })
})
