import { describe, expect, it } from 'vitest'
import { renderTable } from '../../../../cli/table.ts'
import { LISTING_LIMITS, listModels } from '../../../../client/peers/model-listing.ts'
import type { Advertisement } from '../../../../protocol/index.ts'

const model = (id: string) => ({
  id,
  aliases: [`${id}-alias`],
  capabilities: ['chat'],
  contextLength: 4_096,
})
const peer = (name: string, models: readonly string[]): Advertisement =>
  ({ peerId: { toString: () => name }, models: models.map(model) }) as unknown as Advertisement
const told = ({ peerId }: Advertisement): boolean => peerId.toString().startsWith('told')

describe('a list of models', () => {
  it('counts peers that were met, not those known by hearsay', () => {
    const all = [
      peer('a', ['m']),
      ...Array.from({ length: 99 }, (_, n) => peer(`told-${n}`, ['m'])),
    ]
    expect(listModels(all, told)).toMatchObject([{ id: 'm', peers: ['a'] }])
    // Control: the same advertisements, all believed.
    expect(listModels(all)[0]?.peers).toHaveLength(100)
  })

  it('has models of hearsay without a peer, as far as there is room', () => {
    const ids = Array.from({ length: 1_000 }, (_, n) => `made-up-${n}`)
    const listed = listModels([peer('told-1', ids), peer('a', ['m'])], told)
    expect(listed).toHaveLength(LISTING_LIMITS.hearsay + 1)
    expect(listed.filter(({ peers }) => peers.length > 0)).toMatchObject([{ id: 'm' }])
  })

  it('is bounded, and can be printed, whatever is advertised', () => {
    const all = Array.from({ length: 1_024 }, (_, p) =>
      peer(
        `p${p}`,
        Array.from({ length: 128 }, (_, m) => `model-${p}-${m}`),
      ),
    )
    expect(listModels(all)).toHaveLength(LISTING_LIMITS.models)
    const rows = Array.from({ length: 200_000 }, (_, n) => [`row ${n}`])
    expect(renderTable(['ROW'], rows).length).toBeGreaterThan(200_000)
  })
})
