import { identify } from '@libp2p/identify'
import { describe, expect, it } from 'vitest'
import { boundedIdentify, IDENTIFY_LIMITS } from '../../../host/bounded-identify.ts'
import { longIdentify } from '../../../testing/swarms/long-identify.ts'

describe('what a peer says of itself', () => {
  it.each(['addresses', 'name', 'protocols', 'signed addresses'] as const)(
    'is bounded: %s',
    async (of) => {
      const { addresses, protocols, agentVersion } = await (
        await longIdentify(of, boundedIdentify())
      )()
      expect(addresses).toBeLessThanOrEqual(IDENTIFY_LIMITS.addresses)
      expect(protocols).toBeLessThanOrEqual(IDENTIFY_LIMITS.protocols)
      expect(agentVersion).toBeLessThanOrEqual(IDENTIFY_LIMITS.nameLength)
      // The rest of what was said counts.
      expect(Math.max(addresses, protocols, agentVersion)).toBe(
        { addresses: 64, name: 256, protocols: 128, 'signed addresses': 0 }[of],
      )
    },
  )

  it.each([
    ['addresses', 7_000],
    ['protocols', 7_000],
    ['signed addresses', 500],
  ] as const)('is thousands of items without the bound: %s (control)', async (of, least) => {
    const { addresses, protocols } = await (await longIdentify(of, identify()))()
    expect(Math.max(addresses, protocols)).toBeGreaterThan(least)
  })
})
