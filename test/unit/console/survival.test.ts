import { describe, expect, it } from 'vitest'
import { bestResume, type Offer, spareOf } from '../../../console/survival.ts'

const offer = (peerId: string, more: Partial<Offer> = {}): Offer => ({
  peerId,
  network: 'local network',
  relays: [],
  resume: 'tokens',
  ...more,
})

describe('what a model survives', () => {
  it('has no spare with one peer', () => {
    expect(spareOf([offer('a')])).toEqual({ peers: 0, networks: 0 })
  })

  it('loses all peers but one', () => {
    expect(spareOf([offer('a'), offer('b'), offer('c')]).peers).toBe(2)
  })

  it('counts a network once, however many peers it has', () => {
    const offers = [
      offer('a', { network: '198.51.100' }),
      offer('b', { network: '198.51.100' }),
      offer('c', { network: '203.0.113' }),
    ]
    expect(spareOf(offers)).toEqual({ peers: 2, networks: 1 })
  })

  it('names relays only if every peer depends on them', () => {
    const relayed = offer('a', { relays: ['r1', 'r2'] })
    expect(spareOf([relayed, offer('b')])).not.toHaveProperty('relays')
    expect(spareOf([relayed, offer('b', { relays: ['r2'] })]).relays).toBe(1)
    expect(spareOf([offer('a', { relays: ['r1'] }), offer('b', { relays: ['r1'] })]).relays).toBe(0)
  })

  it('takes nothing for granted without peers', () => {
    expect(spareOf([])).toEqual({ peers: 0, networks: 0 })
    expect(bestResume([])).toBe('none')
  })

  it('continues an answer where the best peer can', () => {
    expect(bestResume([offer('a', { resume: 'none' }), offer('b', { resume: 'prefill' })])).toBe(
      'prefill',
    )
  })
})
