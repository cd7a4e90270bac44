import { describe, expect, it } from 'vitest'
import {
  type DispatchInput,
  type DispatchState,
  initialState,
} from '../../../../client/dispatch/dispatch-state.ts'
import { transition } from '../../../../client/dispatch/machine.ts'
import { type Plan, parsePolicy } from '../../../../client/request/policy.ts'

const LIMITS = { maxAttempts: 3, maxResumes: 2, maxUnreachable: 5, maxLoading: 5 }
const SOON = 1_000
/** Later than any tick that a test does not intend for it. */
const OVERDUE = 100 * SOON

/** Runs the inputs and returns the effects of each in short form. */
function play(
  plan: Plan,
  inputs: readonly DispatchInput[],
  begunElsewhere = false,
): { said: string[][]; state: DispatchState } {
  let state = initialState(plan, LIMITS, begunElsewhere)
  const said = inputs.map((input) => {
    const step = transition(state, input)
    state = step.state
    return step.effects.map((effect) =>
      [
        effect.type,
        'attempt' in effect ? effect.attempt : '',
        'reason' in effect ? effect.reason : '',
        'why' in effect ? effect.why : '',
        'concurrent' in effect && effect.concurrent ? 'concurrent' : '',
      ]
        .filter((word) => word !== '')
        .join(' '),
    )
  })
  return { said, state }
}

const start: DispatchInput = { type: 'start' }
const chosen = (attempt: number, hedgeAtMs = SOON): DispatchInput => ({
  type: 'chosen',
  attempt,
  hedgeAtMs,
  overdueAtMs: OVERDUE,
})
const began = (attempt: number): DispatchInput => ({ type: 'began', attempt })
const done = (attempt: number): DispatchInput => ({ type: 'completed', attempt })
const progressed: DispatchInput = { type: 'progressed', stallAtMs: SOON }
const tick = (atMs: number): DispatchInput => ({ type: 'ticked', atMs, stallAtMs: atMs + SOON })
const failed = (
  attempt: number,
  recovery: 'end' | 'resume' | 'restart' | 'give-up' = 'give-up',
  final = false,
): DispatchInput => ({ type: 'failed', attempt, recovery, final, countsAs: 'attempt' })
const noCandidate = (
  attempt: number,
  recovery: 'restart' | 'resume' | 'give-up' = 'give-up',
): DispatchInput => ({
  type: 'no-candidate',
  attempt,
  recovery,
})

describe('one answer', () => {
  it('goes to the caller from its first piece to its end', () => {
    const { said, state } = play({ type: 'hedge' }, [
      start,
      chosen(0),
      began(0),
      progressed,
      done(0),
    ])
    expect(said).toEqual([['open 0 first'], [], ['lead 0'], [], ['finish 0']])
    expect(state.phase).toBe('ended')
  })

  it('is valid without a visible piece', () => {
    const { said } = play({ type: 'single' }, [start, chosen(0), done(0)])
    expect(said.at(-1)).toEqual(['lead 0', 'finish 0'])
  })
})

describe('an answer that another model began', () => {
  it('is resumed and never started', () => {
    const inputs = [start, chosen(0), failed(0, 'resume'), chosen(1), began(1), done(1)]
    const { said, state } = play({ type: 'hedge' }, inputs, true)
    expect(said.flat()).toEqual(['open 0 resume', 'open 1 resume', 'lead 1', 'finish 1'])
    expect(state).toMatchObject({ phase: 'ended', resumes: 2 })
  })

  it('fails if no peer can continue it', () => {
    const { said } = play({ type: 'hedge' }, [start, noCandidate(0)], true)
    expect(said.flat()).toEqual(['open 0 resume', 'fail not-resumable'])
  })
})

describe('an attempt that reports that it nears its first piece', () => {
  const nearing = (attempt: number, hedgeAtMs: number): DispatchInput => ({
    ...{ type: 'nearing', attempt, hedgeAtMs },
  })

  it('moves the hedge back, never forward', () => {
    const inputs = [start, chosen(0), nearing(0, 5_000), nearing(0, 2_000), tick(4_999)]
    const { said } = play({ type: 'hedge' }, [...inputs, tick(5_000)])
    expect(said.at(-2)).toEqual([])
    expect(said.at(-1)).toEqual(['open 1 hedge concurrent'])
  })

  it('adds no hedge to a request that may not have one', () => {
    const { said } = play({ type: 'single' }, [start, chosen(0), nearing(0, 5_000), tick(9_000)])
    expect(said.at(-1)).toEqual([])
  })
})

describe('before the answer began', () => {
  it('tries the next peer as often as the limit allows', () => {
    const { said } = play({ type: 'single' }, [
      ...[start, chosen(0), failed(0), chosen(1), failed(1), chosen(2), failed(2)],
    ])
    expect(said.flat()).toEqual(['open 0 first', 'open 1 retry', 'open 2 retry', 'fail attempts'])
  })

  it.each(['unreachable', 'loading'] as const)(
    'does not count peers that are %s, up to a limit of their own',
    (countsAs) => {
      const uncounted = (attempt: number): DispatchInput => ({
        ...{ type: 'failed', attempt, recovery: 'give-up', final: false, countsAs },
      })
      const inputs = [0, 1, 2, 3, 4].flatMap((attempt) => [chosen(attempt), uncounted(attempt)])
      const { said } = play({ type: 'single' }, [start, ...inputs.slice(0, 8), chosen(4)])
      expect(said.flat()).toHaveLength(5)
      expect(play({ type: 'single' }, [start, ...inputs]).said.at(-1)).toEqual(['fail attempts'])
      const { said: later } = play({ type: 'single' }, [
        ...[start, chosen(0), uncounted(0), chosen(1), failed(1)],
        ...[chosen(2), failed(2), chosen(3), failed(3)],
      ])
      expect(later.flat()).toEqual([
        ...['open 0 first', 'open 1 retry', 'open 2 retry', 'open 3 retry'],
        'fail attempts',
      ])
    },
  )

  it('does not count a resume that met an engine which was loading', () => {
    const loading = (attempt: number): DispatchInput => ({
      ...{ type: 'failed', attempt, recovery: 'resume', final: false, countsAs: 'loading' },
    })
    const lost = [1, 2, 3, 4].flatMap((attempt) => [loading(attempt), chosen(attempt + 1)])
    const begin = [start, chosen(0), began(0), failed(0, 'resume'), chosen(1)]
    const { said } = play({ type: 'single' }, [...begin, ...lost, loading(5)])
    expect(said.flat().filter((word) => word.endsWith('resume'))).toHaveLength(5)
    expect(said.at(-1)).toEqual(['fail resumes'])
  })

  it('ends at once if no further peer may receive the request', () => {
    const { said } = play({ type: 'hedge' }, [start, chosen(0), failed(0, 'give-up', true)])
    expect(said.at(-1)).toEqual(['fail attempts'])
  })

  it('hedges once, after the given time, and the first to begin cancels the other', () => {
    const { said } = play({ type: 'hedge' }, [
      ...[start, chosen(0), tick(SOON - 1), tick(SOON), chosen(1), tick(9 * SOON), began(1)],
    ])
    expect(said.flat()).toEqual(['open 0 first', 'open 1 hedge concurrent', 'cancel 0', 'lead 1'])
  })

  it('lets a further peer join, up to four, each time that all are overdue', () => {
    const late = tick(OVERDUE)
    const { said } = play({ type: 'hedge' }, [
      ...[start, chosen(0), tick(SOON), chosen(1), late, chosen(2), late, chosen(3), late],
      began(2),
    ])
    expect(said.flat()).toEqual([
      ...[
        'open 0 first',
        'open 1 hedge concurrent',
        'open 2 hedge concurrent',
        'open 3 hedge concurrent',
      ],
      ...['cancel 0', 'cancel 1', 'cancel 3', 'lead 2'],
    ])
  })

  it('asks one peer at a time under the policy single', () => {
    const { said } = play({ type: 'single' }, [start, chosen(0), tick(9 * SOON)])
    expect(said.flat()).toEqual(['open 0 first'])
  })

  it('lets a hedge continue alone when the first attempt fails', () => {
    const { said } = play({ type: 'hedge' }, [start, chosen(0), tick(SOON), chosen(1), failed(0)])
    expect(said.at(-1)).toEqual([])
  })

  it('searches for a peer when none could join as a hedge and the first then fails', () => {
    const { said } = play({ type: 'hedge' }, [
      start,
      chosen(0),
      tick(SOON),
      failed(0),
      noCandidate(1),
    ])
    expect(said.at(-1)).toEqual(['open 2 retry'])
  })

  it('does not hedge a retry before its peer is chosen', () => {
    const { said } = play({ type: 'hedge' }, [
      ...[start, chosen(0), failed(0), tick(SOON), chosen(1, 2 * SOON), tick(2 * SOON)],
    ])
    expect(said.slice(2)).toEqual([['open 1 retry'], [], [], ['open 2 hedge concurrent']])
  })

  it('fails when there is no peer to ask', () => {
    expect(play({ type: 'hedge' }, [start, noCandidate(0)]).said.at(-1)).toEqual(['fail attempts'])
  })

  it('starts all attempts of a race at once', () => {
    const { said } = play(parsePolicy('race:3'), [start, chosen(0), chosen(1), began(1)])
    expect(said[0]).toEqual(['open 0 first', 'open 1 race concurrent', 'open 2 race concurrent'])
    expect(said.at(-1)).toEqual(['cancel 0', 'cancel 2', 'lead 1'])
  })
})

describe('after the answer began', () => {
  const streaming = [start, chosen(0), began(0), progressed]

  it('continues at another peer when its peer is lost, a limited number of times', () => {
    const { said } = play({ type: 'single' }, [
      ...streaming,
      ...[failed(0, 'resume'), chosen(1), began(1), progressed],
      ...[failed(1, 'resume'), chosen(2), began(2), failed(2, 'resume')],
    ])
    const effects = said.slice(4).flat()
    expect(effects).toEqual(['open 1 resume', 'lead 1', 'open 2 resume', 'lead 2', 'fail resumes'])
  })

  it('tries another peer when the resuming peer fails before its first piece', () => {
    const { said } = play({ type: 'single' }, [
      ...[...streaming, failed(0, 'resume'), chosen(1), failed(1, 'resume')],
    ])
    expect(said.slice(4)).toEqual([['open 1 resume'], [], ['open 2 resume']])
  })

  it('asks one peer at a time for a resume unless the policy hedges', () => {
    for (const plan of [{ type: 'single' }, parsePolicy('race:2')] as const) {
      const { said } = play(plan, [
        ...[start, chosen(0), began(0), progressed, failed(0, 'resume'), tick(9 * SOON)],
        ...[chosen(1), tick(99 * SOON)],
      ])
      expect(said.slice(5).flat()).not.toContain('open 2 resume concurrent')
    }
  })

  it('starts no second resume while the peer of the first is still being chosen', () => {
    const { said } = play({ type: 'hedge' }, [
      ...[...streaming, failed(0, 'resume'), tick(9 * SOON)],
      ...[chosen(1, 10 * SOON), tick(10 * SOON)],
    ])
    expect(said.slice(4).flat()).toEqual(['open 1 resume', 'open 2 resume concurrent'])
    expect(said[5]).toEqual([])
  })

  it('is complete once its end was received, even if a final failure follows', () => {
    expect(play({ type: 'hedge' }, [...streaming, failed(0, 'end', true)]).said.at(-1)).toEqual([
      'finish',
    ])
  })

  it('is ended by the client if its end was decided', () => {
    expect(play({ type: 'hedge' }, [...streaming, failed(0, 'end')]).said.at(-1)).toEqual([
      'finish',
    ])
  })

  it('fails with an error if it cannot continue', () => {
    const { said } = play({ type: 'hedge' }, [...streaming, failed(0, 'give-up')])
    expect(said.at(-1)).toEqual(['fail not-resumable'])
  })

  it('starts again if the caller has seen nothing', () => {
    const { said, state } = play({ type: 'hedge' }, [...streaming, failed(0, 'restart')])
    expect(said.at(-1)).toEqual(['restart', 'open 1 retry'])
    expect(state.phase).toBe('opening')
  })

  it('tries another peer when one stalls, and the first to continue wins', () => {
    const stalled = [...streaming, tick(SOON), chosen(1)]
    const back = play({ type: 'hedge' }, [...stalled, progressed])
    expect(back.said.slice(4)).toEqual([['open 1 stall concurrent'], [], ['cancel 1']])
    const over = play({ type: 'hedge' }, [...stalled, began(1)])
    expect(over.said.at(-1)).toEqual(['cancel 0', 'lead 1'])
  })

  it('waits for the concurrent attempt of a stalled one if that fails', () => {
    const { said } = play({ type: 'hedge' }, [
      ...[...streaming, tick(SOON), chosen(1), failed(0, 'resume'), began(1)],
    ])
    expect(said.slice(-2)).toEqual([[], ['lead 1']])
  })

  it('searches when the stalled peer fails and no other could be asked at once', () => {
    const { said } = play({ type: 'hedge' }, [
      ...[...streaming, tick(SOON), failed(0, 'resume'), noCandidate(1, 'resume')],
    ])
    expect(said.slice(-3)).toEqual([['open 1 stall concurrent'], [], ['open 2 resume']])
  })

  it('does not read a slow peer while another is tried, and reads it again if that fails', () => {
    const slow = [...streaming, { type: 'too-slow' } as const]
    const { said } = play({ type: 'hedge' }, [...slow, chosen(1), failed(1)])
    expect(said.slice(4)).toEqual([['pause 0', 'open 1 slow concurrent'], [], ['unpause 0']])
    expect(play({ type: 'hedge' }, [...slow, chosen(1), began(1)]).said.at(-1)).toEqual([
      'cancel 0',
      'lead 1',
    ])
  })

  it('uses up no resume if no peer could be asked after a stall', () => {
    const alone = [tick(SOON), noCandidate(1), tick(9 * SOON), noCandidate(2), tick(99 * SOON)]
    const { said } = play({ type: 'hedge' }, [...streaming, ...alone])
    expect(said.at(-1)).toEqual(['open 3 stall concurrent'])
  })
})

describe('a quorum', () => {
  const two = parsePolicy('quorum:2-of-3')
  const both = [start, chosen(0), chosen(1), done(0), done(1)]

  it('asks as many peers as have to agree, and delivers the answer that they agree on', () => {
    const { said } = play(two, [...both, { type: 'compared', winner: 0 }])
    expect(said[0]).toEqual(['open 0 quorum', 'open 1 quorum'])
    expect(said.slice(3)).toEqual([[], ['compare'], ['cancel 1', 'lead 0', 'finish 0']])
  })

  it('asks a further peer if they differ, and fails when all have been asked', () => {
    const { said } = play(two, [
      ...[...both, { type: 'compared', winner: undefined } as const, chosen(2), done(2)],
      { type: 'compared', winner: undefined },
    ])
    expect(said.slice(5)).toEqual([['open 2 quorum'], [], ['compare'], ['fail quorum']])
  })

  it('replaces a failed peer, and shows nothing before the agreement', () => {
    const { said } = play(two, [start, chosen(0), chosen(1), began(0), failed(1)])
    expect(said.slice(1)).toEqual([[], [], [], ['open 2 quorum']])
  })

  it('fails when there are too few peers', () => {
    const { said } = play(two, [start, chosen(0), noCandidate(1)])
    expect(said.at(-1)).toEqual(['cancel 0', 'fail quorum'])
  })
})
