import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Lesson, Reputation } from '../../../../../client/trust/reputation/reputation.ts'
import { trustOf } from '../../../../../client/trust/reputation/trust-of.ts'
import { openReputation } from '../../../../../client/trust/saved-reputation.ts'

const PASSED = { outcome: 'passed', hardMisses: 0, logRatio: 0 } as const
const FAILED = { outcome: 'failed', hardMisses: 0, logRatio: 0 } as const
const SPEC = 'sha256:aa/template'
const half = (): number => 0.5

describe('the owner’s mark on a peer', () => {
  it('excludes a denied peer under all weights until it is taken back', () => {
    const reputation = new Reputation(() => 1)
    for (let n = 0; n < 5; n += 1) reputation.audited('peer', SPEC, PASSED)
    reputation.mark('peer', 'denied')
    expect(reputation.isExcluded('peer', SPEC)).toBe(true)
    expect(reputation.isExcluded('peer', 'sha256:bb/other')).toBe(true)
    expect(reputation.isExcluded('other', SPEC)).toBe(false)
    const model = { id: 'm', digest: 'sha256:aa' } as never
    expect(trustOf(reputation, half).admits({ key: 'peer', model } as never)).toBe(false)
    reputation.mark('peer', undefined)
    expect(reputation.isExcluded('peer', SPEC)).toBe(false)
    expect(reputation.report('peer')[0]).toMatchObject({ audits: 5, state: 'proven' })
  })

  it('lets a trusted peer count as proven, until an audit of it fails', () => {
    const reputation = new Reputation(() => 1)
    expect(reputation.isProven('peer', SPEC)).toBe(false)
    reputation.mark('peer', 'trusted')
    expect(reputation.isProven('peer', SPEC)).toBe(true)
    expect(reputation.auditRate('peer', SPEC)).toBe(0.05)
    expect(reputation.draw('peer', SPEC, half)).toBe(1)
    reputation.audited('peer', SPEC, FAILED)
    expect(reputation.isProven('peer', SPEC)).toBe(false)
    expect(reputation.auditRate('peer', SPEC)).toBe(1)
    expect(reputation.draw('peer', SPEC, half)).toBeLessThan(0.5)
  })

  it('does not lift a quarantine', () => {
    const reputation = new Reputation(() => 1)
    for (let n = 0; n < 3; n += 1) reputation.audited('peer', SPEC, FAILED)
    reputation.mark('peer', 'trusted')
    expect(reputation.isExcluded('peer', SPEC)).toBe(true)
  })

  it('is one of a bounded number, and says what to do about it', () => {
    const reputation = new Reputation(() => 1)
    for (let n = 0; n < 1_024; n += 1) reputation.mark(`peer-${n}`, 'denied')
    expect(() => reputation.mark('one-more', 'trusted')).toThrow(/take one of them back/)
    reputation.mark('peer-0', 'trusted')
    reputation.mark('peer-1', undefined)
    reputation.mark('one-more', 'trusted')
    expect(reputation.marks()).toHaveLength(1_024)
  })
})

describe('marks that processes merge', () => {
  /** A reputation whose lessons are kept, as by a process that could not save them. */
  const process = (startMs: number) => {
    let nowMs = startMs
    const lessons: Lesson[] = []
    const reputation = new Reputation(
      () => (nowMs += 1),
      (lesson) => lessons.push(lesson),
    )
    return { reputation, lessons }
  }
  const file = (reputation: Reputation): unknown => JSON.parse(JSON.stringify(reputation))

  it.each([
    ['trusted', 'denied'],
    [undefined, 'denied'],
    ['denied', undefined],
  ] as const)('hold the later one: not %s, but %s', (earlier, later) => {
    const one = process(1_000_000)
    one.reputation.mark('peer', earlier)
    const other = process(1_060_000)
    other.reputation.mark('peer', later)
    one.reputation.rebase(file(other.reputation), one.lessons)
    expect(one.reputation.markOf('peer')).toBe(later)
  })

  it('hold the owner’s last word after the clock was ahead', () => {
    const ahead = process(9_000_000)
    ahead.reputation.mark('peer', 'denied')
    const now = process(1_000_000)
    now.reputation.rebase(file(ahead.reputation))
    now.reputation.mark('peer', undefined)
    ahead.reputation.rebase(file(now.reputation), ahead.lessons)
    expect(ahead.reputation.markOf('peer')).toBeUndefined()
  })

  it('outlive that the peer is forgotten elsewhere, even by a clock that was ahead', () => {
    const one = process(1_000_000)
    one.reputation.mark('peer', 'denied')
    const other = process(9_000_000)
    other.reputation.forget('peer')
    one.reputation.rebase(file(other.reputation), one.lessons)
    expect(one.reputation.markOf('peer')).toBe('denied')
  })
})

describe('stored marks', () => {
  let dir: string
  /** Each look at the clock is a millisecond later. */
  let nowMs = 1_700_000_000_000
  const open = () => openReputation(dir, () => (nowMs += 1))
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'skein-marks-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  it('reach a running client, with what it learned itself', async () => {
    await using running = await open()
    running.reputation.mark('friend', 'trusted')
    {
      await using command = await open()
      command.reputation.mark('liar', 'denied')
    }
    await running.refresh()
    expect(running.reputation.isExcluded('liar', SPEC)).toBe(true)
    await running.save()
    await using again = await open()
    expect(again.reputation.marks()).toMatchObject([
      { peer: 'liar', mark: 'denied' },
      { peer: 'friend', mark: 'trusted' },
    ])
  })

  it('outlive that the peer is forgotten, and are not taken over from others', async () => {
    await using own = await open()
    own.reputation.audited('liar', SPEC, FAILED)
    own.reputation.mark('liar', 'denied')
    own.reputation.forget('liar')
    expect(own.reputation.markOf('liar')).toBe('denied')
    const stranger = new Reputation(() => (nowMs += 1))
    stranger.mark('their-friend', 'trusted')
    stranger.audited('peer', SPEC, PASSED)
    expect(own.reputation.load(JSON.parse(JSON.stringify(stranger)))?.taken).toBe(1)
    expect(own.reputation.markOf('their-friend')).toBeUndefined()
  })
})
