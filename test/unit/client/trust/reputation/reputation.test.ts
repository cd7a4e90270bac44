import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseNewcomer } from '../../../../../client/peers/route/newcomers.ts'
import {
  drawFrom,
  expectationOf,
  NO_EVIDENCE,
  withEvidence,
} from '../../../../../client/trust/reputation/evidence.ts'
import type { AuditEvidence } from '../../../../../client/trust/reputation/peer-standing.ts'
import { Reputation } from '../../../../../client/trust/reputation/reputation.ts'
import { specClassOf } from '../../../../../client/trust/reputation/spec-class.ts'
import { Random } from '../../../../../testing/index.ts'

const PASSED: AuditEvidence = { outcome: 'passed', logRatio: -0.5, hardMisses: 0 }
const FAILED: AuditEvidence = { outcome: 'failed', logRatio: 2, hardMisses: 0 }
const HOUR = 3_600_000
const SPEC = 'sha256:aa/template'
const OTHER_TEMPLATE = 'sha256:aa/another'

function known(nowMs = { value: 1_000_000 }) {
  const reputation = new Reputation(() => nowMs.value)
  const audit = (evidence: AuditEvidence, times = 1): void => {
    for (let time = 0; time < times; time += 1) reputation.audited('peer', SPEC, evidence)
  }
  return { reputation, audit, nowMs, report: () => reputation.report('peer')[0] }
}

describe('evidence', () => {
  it('has an expectation between 0 and 1, and 0.5 without evidence', () => {
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

  it('is drawn around its expectation', () => {
    const random = new Random(3).next
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

  it('is quarantined for a few impossible tokens, however many others are good', () => {
    const { audit, report } = known()
    for (let answer = 0; report()?.state !== 'quarantined' && answer < 50; answer += 1) {
      audit({ outcome: 'suspect', logRatio: -0.3, hardMisses: 1 })
    }
    expect(report()).toMatchObject({ state: 'quarantined', audits: 4 })
  })

  it('is forgiven a strike after many passed audits, because scorers err', () => {
    const { audit, report } = known()
    audit(FAILED)
    audit(PASSED, 200)
    expect(report()).toMatchObject({ state: 'proven', strikes: 0 })
  })

  it('cannot escape quarantine or strikes with another template', () => {
    const { reputation, audit, nowMs } = known()
    audit(FAILED, 2)
    expect(reputation.vouchesFor('peer', OTHER_TEMPLATE)).toBe(false)
    reputation.audited('peer', OTHER_TEMPLATE, FAILED)
    for (const spec of [SPEC, OTHER_TEMPLATE, 'sha256:aa/']) {
      expect(reputation.isQuarantined('peer', spec)).toBe(true)
    }
    expect(reputation.isQuarantined('peer', 'sha256:ab/another')).toBe(false)
    nowMs.value += HOUR
    reputation.audited('peer', 'sha256:aa/third', FAILED)
    expect(reputation.isQuarantined('peer', SPEC)).toBe(true)
  })

  it('must prove itself again with another template, without credit from friends', () => {
    const { reputation, audit } = known()
    audit(PASSED, 20)
    expect(reputation.isProven('peer', SPEC)).toBe(true)
    expect(reputation.isProven('peer', OTHER_TEMPLATE)).toBe(false)
    expect(reputation.auditRate('peer', OTHER_TEMPLATE)).toBe(1)
    audit(FAILED)
    const draws = Array.from({ length: 100 }, () =>
      reputation.draw('peer', OTHER_TEMPLATE, new Random(1).next, 1),
    )
    expect(Math.max(...draws)).toBeLessThan(0.5)
  })

  it('does not evict others by inventing templates', () => {
    const { reputation, audit, nowMs } = known()
    audit(FAILED, 3)
    for (let n = 0; n < 100; n += 1) {
      nowMs.value += 1
      reputation.audited('other', `sha256:bb/${n}`, PASSED)
    }
    expect(reputation.report('other')).toHaveLength(8)
    expect(reputation.isQuarantined('peer', SPEC)).toBe(true)
  })

  it('gains nothing by naming other weights', () => {
    const { reputation, audit } = known()
    audit(FAILED, 3)
    expect(reputation.isQuarantined('peer', SPEC)).toBe(true)
    expect(reputation.isProven('peer', 'sha256:bb/template')).toBe(false)
  })
})

describe('a spec class', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const hex = `${'0123456789abcdef'.repeat(4)}`

  it('is the same for a template hash with and without its algorithm', () => {
    const all = [hex, `sha256:${hex}`, hex.toUpperCase()]
    const classes = all.map((templateHash) => specClassOf({ id: 'm', digest, templateHash }))
    expect(new Set(classes).size).toBe(1)
    expect(classes[0]).toBe(`${digest}/${hex.slice(0, 32)}`)
  })

  it('treats an invalid hash as absent', () => {
    for (const templateHash of ['', 'a b', 'a/b', `${hex}0`, '\u001b[31m']) {
      expect(specClassOf({ id: 'm', digest, templateHash })).toBe(`${digest}/`)
    }
    expect(specClassOf({ id: 'a b\tc', templateHash: '' })).toBe('abc/')
  })
})

describe('a reputation', () => {
  it('survives a restart', () => {
    const { reputation, audit } = known()
    audit(PASSED, 20)
    const other = new Reputation(() => 1_000_001)
    expect(other.load(JSON.parse(JSON.stringify(reputation)))).toEqual({ taken: 1, dropped: 0 })
    expect(other.report()).toEqual(reputation.report())
  })

  it('rejects invalid files, and ignores older standings', () => {
    const { reputation, audit, nowMs } = known()
    for (const wrong of [undefined, {}, { version: 2, peers: [] }, { version: 1, peers: {} }]) {
      expect(reputation.load(wrong)).toBeUndefined()
    }
    audit(PASSED, 5)
    const old: unknown = JSON.parse(JSON.stringify(reputation))
    nowMs.value += 1
    audit(FAILED, 3)
    reputation.load(old)
    expect(reputation.isQuarantined('peer', SPEC)).toBe(true)
  })

  it('can be forgotten, and does not come back with older saves', () => {
    const { reputation, audit, nowMs } = known()
    audit(FAILED, 3)
    const old: unknown = JSON.parse(JSON.stringify(reputation))
    nowMs.value += 1
    expect(reputation.forget('peer')).toBe(1)
    reputation.load(old)
    expect(reputation.isQuarantined('peer', SPEC)).toBe(false)
  })
})

describe('saved standings of whatever origin', () => {
  const standing = {
    quality: { good: 0, bad: 10 },
    ...{ consecutiveValid: 0, logRatio: 0, hardMisses: 0, strikes: 2, quarantines: 1 },
    ...{ quarantinedUntilMs: 1e300, audits: 3, doubts: 0, lastMs: 9e15 },
  }
  const row = { peer: 'peer', spec: SPEC, standing }

  it('quarantine no peer longer than a week, and can be read and forgotten', () => {
    const { reputation, nowMs } = known()
    reputation.load({ version: 1, peers: [row] })
    expect(reputation.report('peer')[0]?.quarantinedUntilMs).toBe(nowMs.value + 7 * 24 * HOUR)
    reputation.forget('peer')
    nowMs.value += 1
    reputation.load({ version: 1, peers: [row] })
    expect(reputation.isQuarantined('peer', SPEC)).toBe(false)
  })

  it('with times in the future do not override lessons', () => {
    const { reputation, audit } = known()
    audit(PASSED, 3)
    expect(reputation.load({ version: 1, peers: [row] })?.taken).toBe(0)
    expect(reputation.isProven('peer', SPEC)).toBe(true)
  })

  it('are read row by row', () => {
    const { reputation } = known()
    const wrong = [{}, { ...row, spec: 'a b' }, { ...row, spec: 'y'.repeat(2_000) }]
    const networks = [{ network: '1.2.3.0/24', evidence: { good: 'many' } }]
    expect(reputation.load({ version: 1, peers: [...wrong, row], networks })).toEqual({
      taken: 1,
      dropped: 4,
    })
    expect(reputation.isQuarantined('peer', SPEC)).toBe(true)
  })

  it('stored by template apply to all templates of the weights', () => {
    const { reputation } = known()
    const clean = { ...standing, strikes: 0, quarantines: 0, quarantinedUntilMs: 0 }
    const peers = [row, { ...row, spec: OTHER_TEMPLATE, standing: clean }]
    for (const both of [peers, peers.toReversed()]) {
      reputation.rebase({ version: 1, peers: both })
      expect(reputation.isQuarantined('peer', SPEC)).toBe(true)
      expect(reputation.isQuarantined('peer', OTHER_TEMPLATE)).toBe(true)
    }
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
    const random = new Random(5).next
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

  it('is one in twenty, however many newcomers there are', () => {
    const crowd = Array.from({ length: 60 }, (_, at) => peer(`1.2.${at % 3}.${at}`))
    expect(shareOf([proven, ...crowd], undefined)).toBeCloseTo(0.05, 2)
  })

  it('goes to networks, not to identities', () => {
    const lone = peer('5.5.5.5')
    const crowd = Array.from({ length: 99 }, (_, at) => peer(`1.2.3.${at}`))
    expect(shareOf([proven, lone, ...crowd], lone)).toBeCloseTo(0.025, 2)
  })

  it('counts networks with one operator once, and ignores made-up operators', () => {
    const lone = peer('5.5.5.5')
    const farm = Array.from({ length: 20 }, (_, at) => peer(`1.2.${at}.1`, 'farm'))
    expect(shareOf([proven, lone, ...farm], lone)).toBeCloseTo(0.025, 2)
    const masked = Array.from({ length: 20 }, (_, at) => peer('1.2.3.4', `name ${at}`))
    expect(shareOf([proven, lone, ...masked], lone)).toBeCloseTo(0.025, 2)
  })
})
