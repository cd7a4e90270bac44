import { describe, expect, it } from 'vitest'
import { kindOf } from '../../../../host/reach/nat-kind.ts'

const own = new Set(['44.0.0.2', '192.168.1.2'])
const at = (ip: string, port: number) => ({ ip, port })

describe('the kind of a NAT', () => {
  it.each([
    ['none', [at('44.0.0.2', 20_000)]],
    ['port-preserving', [at('45.0.0.1', 20_000)]],
    ['port-preserving', [at('45.0.0.1', 20_000), at('45.0.0.1', 20_000)]],
    ['consistent', [at('45.0.0.1', 3_000), at('45.0.0.1', 3_000)]],
    ['symmetric', [at('45.0.0.1', 3_000), at('45.0.0.1', 3_001)]],
    ['symmetric', [at('45.0.0.1', 20_000), at('45.0.0.1', 3_001)]],
    ['unknown', [at('45.0.0.1', 3_000)]],
    ['unknown', []],
  ] as const)('is %s', (kind, observed) => {
    expect(kindOf(observed, 20_000, own)).toBe(kind)
  })
})
