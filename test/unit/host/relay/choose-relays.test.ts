import { describe, expect, it } from 'vitest'
import { chooseRelays } from '../../../../host/relay/choose-relays.ts'

const option = (peer: string, network: string, connected: boolean = true) => ({
  peer,
  network,
  connected,
})
const choose = (
  held: ReturnType<typeof option>[],
  options: ReturnType<typeof option>[],
): string[] => chooseRelays(held, options, 2, () => 0.5).map(({ peer }) => peer)

describe('choosing relays', () => {
  it('takes two of different networks', () => {
    const options = [option('a', '44.0.0'), option('b', '44.0.0'), option('c', '45.0.0')]
    expect(choose([], options)).toEqual(['a', 'c'])
  })

  it('takes two of one network if there is no other', () => {
    expect(choose([], [option('a', '44.0.0'), option('b', '44.0.0')])).toEqual(['a', 'b'])
  })

  it('takes connected ones first', () => {
    const options = [option('a', '44.0.0', false), option('b', '45.0.0'), option('c', '46.0.0')]
    expect(choose([], options)).toEqual(['b', 'c'])
  })

  it('takes one more if one is held, of another network if possible', () => {
    const options = [option('b', '44.0.0'), option('c', '45.0.0')]
    expect(choose([option('a', '44.0.0')], options)).toEqual(['c'])
  })

  it('takes none if two independent ones are held', () => {
    const held = [option('a', '44.0.0'), option('b', '45.0.0')]
    expect(choose(held, [option('c', '46.0.0')])).toEqual([])
  })

  it('takes one of another network if both that are held share one', () => {
    const held = [option('a', '44.0.0'), option('b', '44.0.0')]
    expect(choose(held, [option('c', '44.0.0'), option('d', '45.0.0')])).toEqual(['d'])
  })
})
