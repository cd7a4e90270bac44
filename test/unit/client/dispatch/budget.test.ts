import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type ResumeLease,
  ResumeReserve,
} from '../../../../client/dispatch/budget/resume-reserve.ts'
import { RetryBudget } from '../../../../client/dispatch/budget/retry-budget.ts'
import { InferenceError } from '../../../../protocol/index.ts'

/** How many retries a budget grants in a row. */
function drain(budget: RetryBudget): number {
  let taken = 0
  while (budget.take()) taken += 1
  return taken
}

function times(count: number, run: () => void): void {
  for (let done = 0; done < count; done += 1) run()
}

describe('RetryBudget', () => {
  it('grants a fresh client ten retries, then none', () => {
    const budget = new RetryBudget()
    expect(drain(budget)).toBe(10)
    expect(budget.balance).toBe(0)
  })

  it('earns three retries from twenty successes', () => {
    const budget = new RetryBudget({ initial: 0 })
    times(20, () => budget.succeeded())
    expect(drain(budget)).toBe(3)
  })

  it('keeps no more than its maximum, even at the start', () => {
    const budget = new RetryBudget({ initial: 500 })
    times(1_000, () => budget.succeeded())
    expect(budget.balance).toBe(100)
    expect(drain(budget)).toBe(100)
  })

  it('never grants more than its initial balance and what it earned', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 300, size: 'max' }), (steps) => {
        const budget = new RetryBudget()
        let granted = 0
        let successes = 0
        for (const succeeded of steps) {
          if (succeeded) {
            successes += 1
            budget.succeeded()
          } else if (budget.take()) {
            granted += 1
          }
          expect(granted).toBeLessThanOrEqual(10 + 0.15 * successes + 1e-6)
          expect(budget.balance).toBeCloseTo(10 + 0.15 * successes - granted, 6)
        }
      }),
    )
  })
})

describe('ResumeReserve', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const never = new AbortController().signal
  const acquire = (reserve: ResumeReserve, signal: AbortSignal = never) =>
    reserve.acquire({ signal })

  async function leases(reserve: ResumeReserve, count: number): Promise<ResumeLease[]> {
    return await Promise.all(Array.from({ length: count }, () => acquire(reserve)))
  }

  /** The state of a promise after everything that is due has run. */
  async function stateOf(promise: Promise<unknown>): Promise<'granted' | 'waiting' | 'refused'> {
    let state: 'granted' | 'waiting' | 'refused' = 'waiting'
    promise.then(
      () => {
        state = 'granted'
      },
      () => {
        state = 'refused'
      },
    )
    await vi.advanceTimersByTimeAsync(0)
    return state
  }

  it('grants twenty resumes at once; the next waits until one is returned', async () => {
    const reserve = new ResumeReserve()
    const timers = vi.getTimerCount()
    const [first] = await leases(reserve, 20)
    const waiting = acquire(reserve)
    expect(await stateOf(waiting)).toBe('waiting')
    expect(vi.getTimerCount()).toBe(timers + 1)
    first?.succeeded()
    expect(await stateOf(waiting)).toBe('granted')
    expect(vi.getTimerCount()).toBe(timers)
  })

  it('moves a hundred answers of one failed peer with a reserve of twenty', async () => {
    const reserve = new ResumeReserve()
    let underWay = 0
    let most = 0
    let moved = 0
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const lease = await acquire(reserve)
        underWay += 1
        most = Math.max(most, underWay)
        await Promise.resolve()
        underWay -= 1
        moved += 1
        lease.succeeded()
      }),
    )
    expect({ moved, most }).toEqual({ moved: 100, most: 20 })
  })

  it('is drained by failed resumes and filled by answered requests', async () => {
    const reserve = new ResumeReserve()
    for (const lease of await leases(reserve, 20)) lease.failed()
    const waiting = acquire(reserve)
    reserve.answered()
    expect(await stateOf(waiting)).toBe('waiting')
    reserve.answered()
    expect(await stateOf(waiting)).toBe('granted')
  })

  it('grants waiting resumes in the order of arrival', async () => {
    const reserve = new ResumeReserve({ initial: 1 })
    const held = await acquire(reserve)
    const served: number[] = []
    const waiting = [0, 1, 2].map(async (place) => {
      const lease = await acquire(reserve)
      served.push(place)
      lease.succeeded()
    })
    held.succeeded()
    await Promise.all(waiting)
    expect(served).toEqual([0, 1, 2])
  })

  it('refuses after five seconds with a typed error that has a retry time', async () => {
    const reserve = new ResumeReserve({ initial: 0 })
    const refused = acquire(reserve).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(4_999)
    expect(await stateOf(acquire(reserve))).toBe('waiting')
    await vi.advanceTimersByTimeAsync(1)
    const error = await refused
    expect(error).toBeInstanceOf(InferenceError)
    expect(error).toMatchObject({ code: 'budget_exhausted', retryAfterMs: 1_000 })
    expect(String(error)).toContain('5000 ms')
  })

  it('grants nothing to a waiter that gave up or was refused', async () => {
    const reserve = new ResumeReserve({ initial: 1, waitMs: 100 })
    const held = await acquire(reserve)
    const gone = new AbortController()
    const aborted = acquire(reserve, gone.signal)
    const late = acquire(reserve)
    const refused = late.catch((error: unknown) => error)
    gone.abort(new Error('the caller left'))
    await expect(aborted).rejects.toThrow('the caller left')
    await vi.advanceTimersByTimeAsync(100)
    expect(await refused).toMatchObject({ code: 'budget_exhausted' })
    held.succeeded()
    expect(await stateOf(acquire(reserve))).toBe('granted')
  })

  it('rejects with the reason of an already aborted signal, and takes nothing', async () => {
    const reserve = new ResumeReserve({ initial: 1 })
    await expect(acquire(reserve, AbortSignal.abort('gone'))).rejects.toBe('gone')
    expect(await stateOf(acquire(reserve))).toBe('granted')
  })

  it('counts only the first call on a lease', async () => {
    const reserve = new ResumeReserve({ initial: 2, max: 2 })
    const [spent, kept] = await leases(reserve, 2)
    spent?.failed()
    spent?.succeeded()
    expect(await stateOf(acquire(reserve))).toBe('waiting')
    kept?.succeeded()
    kept?.succeeded()
    kept?.failed()
    expect(await stateOf(acquire(reserve))).toBe('waiting')
  })

  it('keeps no more than its maximum', async () => {
    const reserve = new ResumeReserve({ max: 3 })
    times(100, () => reserve.answered())
    await leases(reserve, 3)
    expect(await stateOf(acquire(reserve))).toBe('waiting')
  })

  it('lets at most 1,024 wait', async () => {
    const reserve = new ResumeReserve({ initial: 0 })
    const waiting = Array.from({ length: 1_024 }, () => acquire(reserve))
    const settled = Promise.allSettled(waiting)
    await expect(acquire(reserve)).rejects.toMatchObject({ code: 'budget_exhausted' })
    await vi.advanceTimersByTimeAsync(5_000)
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true)
  })

  it('leaves no timer and no listener, however a wait ends', async () => {
    const reserve = new ResumeReserve({ initial: 0 })
    const controller = new AbortController()
    const granted = acquire(reserve, controller.signal)
    times(2, () => reserve.answered())
    await granted
    const refused = acquire(reserve, controller.signal).catch(() => 'refused')
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await refused).toBe('refused')
    expect(vi.getTimerCount()).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    const aborted = acquire(reserve, controller.signal).catch(() => 'aborted')
    controller.abort()
    expect(await aborted).toBe('aborted')
    expect(vi.getTimerCount()).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  it('never has more in progress than its initial balance and what it earned, whatever the outcomes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('acquire', 'succeed', 'fail', 'answer'), {
          maxLength: 60,
          size: 'max',
        }),
        async (steps) => {
          const reserve = new ResumeReserve({ initial: 3, max: 5 })
          const open: ResumeLease[] = []
          let wanted = 0
          let model = 3
          for (const step of steps) {
            if (step === 'acquire') {
              wanted += 1
              void acquire(reserve).then((lease) => open.push(lease))
            } else if (step === 'answer') {
              model = Math.min(5, model + 0.5)
              reserve.answered()
            } else {
              const lease = open.shift()
              if (step === 'succeed' && lease !== undefined) model = Math.min(5, model + 1)
              if (step === 'succeed') lease?.succeeded()
              else lease?.failed()
            }
            for (; wanted > 0 && model >= 1; wanted -= 1) model -= 1
            const before = open.length
            await Promise.resolve()
            expect(open.length).toBeGreaterThanOrEqual(before)
          }
          // The remaining balance can be taken at once, and no more.
          const rest = Math.floor(model)
          expect(wanted === 0 || rest === 0).toBe(true)
          const got: ResumeLease[] = []
          for (let extra = 0; extra <= rest; extra += 1) {
            acquire(reserve).then(
              (lease) => got.push(lease),
              () => {},
            )
          }
          await Promise.resolve()
          await Promise.resolve()
          expect(got).toHaveLength(rest)
        },
      ),
      { numRuns: 100 },
    )
    vi.clearAllTimers()
  })
})
