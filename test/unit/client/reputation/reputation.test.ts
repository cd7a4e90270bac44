import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../../bench/timed-engine.ts'
import {
  drawFrom,
  expectationOf,
  NO_EVIDENCE,
  withEvidence,
} from '../../../../client/reputation/evidence.ts'
import { type AuditEvidence, Reputation } from '../../../../client/reputation/index.ts'
import { chooseNewcomer } from '../../../../client/route/newcomers.ts'

const PASSED: AuditEvidence = { outcome: 'passed', logRatio: -0.5, hardMisses: 0 }
const FAILED: AuditEvidence = { outcome: 'failed', logRatio: 2, hardMisses: 0 }
const HOUR = 3_600_000
const SPEC = 'sha256:aa/template'

function known(nowMs = { value: 1_000_000 }) {
  const reputation = new Reputation(() => nowMs.value)
  const audit = (evidence: AuditEvidence, times = 1): void => {
    for (let time = 0; time < times; time += 1) reputation.audited('peer', SPEC, evidence)
  }
  return { reputation, audit, nowMs, report: () => reputation.report('peer')[0] }
}

describe('evidence', () => {
  it('has an expectation between 0 and 1, one half without any', () => {
    expect(expectationOf(NO_EVIDENCE)).toBe(0.5)
    const events = fc.array(fc.record({ good: fc.nat(20), bad: fc.nat(20) }), { maxLength: 200 })
    fc.assert(
      fc.property(events, (all) => {
        const evidence = all.reduce(withEvidence, NO_EVIDENCE)
        expect(expectationOf(evidence)).toBeGreaterThan(0)
        expect(expectationOf(evidence)).toBeLessThan(1)
        // Forgetting bounds what it can come to: 20 ÷ (1 − 0.995).
        expect(evidence.good).toBeLessThanOrEqual(4_000)
      }),
    )
  })

  it('is drawn from around its expectation', () => {
    const random = seededRandom(3)
    const evidence = { good: 30, bad: 10 }
    const draws = Array.from({ length: 4_000 }, () => drawFrom(evidence, random))
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length
    expect(mean).toBeCloseTo(expectationOf(evidence), 2)
    expect(draws.every((draw) => draw > 0 && draw < 1)).toBe(true)
  })
})

describe('a peer', () => {
  it('becomes proven by audits, and is audited less and less', () => {
    const { audit, report, reputation } = known()
    expect(reputation.auditRate('peer', SPEC)).toBe(1)
    audit(PASSED, 3)
    expect(report()).toMatchObject({ state: 'proven', auditRate: 1 })
    audit(PASSED, 97)
    expect(report()?.auditRate).toBe(0.05)
    expect(report()?.quality).toBeGreaterThan(0.95)
  })

  it('is quarantined after three failed audits, for longer each time, and comes back as a newcomer', () => {
    const { audit, report, reputation, nowMs } = known()
    audit(PASSED, 50)
    audit(FAILED, 2)
    expect(report()).toMatchObject({ state: 'suspect', strikes: 2, auditRate: 1 })
    audit(FAILED)
    expect(report()).toMatchObject({
      state: 'quarantined',
      quarantinedUntilMs: nowMs.value + HOUR,
    })
    nowMs.value += HOUR
    expect(reputation.isQuarantined('peer', SPEC)).toBe(false)
    expect(reputation.isProven('peer', SPEC)).toBe(false)
    audit(FAILED)
    expect(report()?.quarantinedUntilMs).toBe(nowMs.value + 2 * HOUR)
  })

  it('is quarantined for a few impossible tokens, however many others are right', () => {
    const { audit, report } = known()
    for (let answer = 0; report()?.state !== 'quarantined' && answer < 50; answer += 1) {
      audit({ outcome: 'suspect', logRatio: -0.3, hardMisses: 1 })
    }
    expect(report()).toMatchObject({ state: 'quarantined', audits: 4 })
  })

  it('is forgiven a strike after many good audits: verifiers err', () => {
    const { audit, report } = known()
    audit(FAILED)
    audit(PASSED, 200)
    expect(report()).toMatchObject({ state: 'proven', strikes: 0 })
  })

  it('is not better off under the name of other weights', () => {
    const { reputation, audit } = known()
    audit(FAILED, 3)
    expect(reputation.isQuarantined('peer', SPEC)).toBe(true)
    expect(reputation.isProven('peer', 'sha256:bb/template')).toBe(false)
  })
})

describe('what is known', () => {
  it('outlasts a restart', () => {
    const { reputation, audit } = known()
    audit(PASSED, 20)
    const other = new Reputation(() => 1_000_001)
    expect(other.load(JSON.parse(JSON.stringify(reputation)))).toBe(true)
    expect(other.report()).toEqual(reputation.report())
  })

  it('is refused where it is something else, or older than what is known', () => {
    const { reputation, audit, nowMs } = known()
    for (const wrong of [undefined, {}, { version: 2, peers: [] }, { version: 1, peers: [{}] }]) {
      expect(reputation.load(wrong)).toBe(false)
    }
    audit(PASSED, 5)
    const old: unknown = JSON.parse(JSON.stringify(reputation))
    nowMs.value += 1
    audit(FAILED, 3)
    reputation.load(old)
    expect(reputation.isQuarantined('peer', SPEC)).toBe(true)
  })

  it('can be forgotten, and does not come back with what was saved before', () => {
    const { reputation, audit, nowMs } = known()
    audit(FAILED, 3)
    const old: unknown = JSON.parse(JSON.stringify(reputation))
    nowMs.value += 1
    expect(reputation.forget('peer')).toBe(1)
    reputation.load(old)
    expect(reputation.isQuarantined('peer', SPEC)).toBe(false)
  })
})

describe('the newcomers’ share', () => {
  const peer = (ip: string, operator = '') => ({
    advertisement: {
      addresses: ip === '' ? [] : [multiaddr(`/ip4/${ip}/tcp/4801`)],
      operator,
      slots: 1,
      decodeRate: 0,
      prefillRate: 0,
    },
  })
  const proven = peer('9.9.9.9')
  const shareOf = (candidates: readonly ReturnType<typeof peer>[], of: unknown): number => {
    const random = seededRandom(5)
    let chosen = 0
    for (let choice = 0; choice < 20_000; choice += 1) {
      const one = chooseNewcomer(candidates, {
        isKnown: (candidate) => candidate === proven,
        random,
      })
      if (one !== undefined && (of === undefined || one === of)) chosen += 1
    }
    return chosen / 20_000
  }

  it('is one in twenty, however many they are', () => {
    const crowd = Array.from({ length: 60 }, (_, at) => peer(`1.2.${at % 3}.${at}`))
    expect(shareOf([proven, ...crowd], undefined)).toBeCloseTo(0.05, 2)
  })

  it('goes to networks, not to identities', () => {
    const lone = peer('5.5.5.5')
    const crowd = Array.from({ length: 99 }, (_, at) => peer(`1.2.3.${at}`))
    expect(shareOf([proven, lone, ...crowd], lone)).toBeCloseTo(0.025, 2)
  })

  it('counts networks with one operator once, and made-up operators not at all', () => {
    const lone = peer('5.5.5.5')
    const farm = Array.from({ length: 20 }, (_, at) => peer(`1.2.${at}.1`, 'farm'))
    expect(shareOf([proven, lone, ...farm], lone)).toBeCloseTo(0.025, 2)
    const masked = Array.from({ length: 20 }, (_, at) => peer('1.2.3.4', `name ${at}`))
    expect(shareOf([proven, lone, ...masked], lone)).toBeCloseTo(0.025, 2)
  })
})
