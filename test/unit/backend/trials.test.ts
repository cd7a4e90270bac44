import { describe, expect, it } from 'vitest'
import { type Trial, Trials } from '../../../backend/trials/index.ts'
import { VirtualClock } from '../../../testing/index.ts'
import { delay } from '../../../timing/index.ts'

const MINUTE = 60_000

function scene() {
  const clock = new VirtualClock()
  const life = new AbortController()
  const verdicts: number[] = []
  const trials = new Trials({
    clock,
    signal: life.signal,
    onVerdict: () => verdicts.push(clock.now()),
  })
  /** Takes so long, and ends with the next verdict. */
  const taking = (ms: number, ...outcomes: readonly (boolean | undefined)[]) => {
    const startedAt: number[] = []
    const coming = [...outcomes]
    const trial: Trial<boolean> = async ({ signal }) => {
      startedAt.push(clock.now())
      await delay(ms, { clock, signal })
      return coming.length > 1 ? coming.shift() : coming[0]
    }
    return { startedAt, trial }
  }
  return { clock, life, trials, verdicts, taking }
}

describe('trials of an engine', () => {
  it('run one after the other, each verdict known as soon as its trial ends', async () => {
    const { clock, trials, verdicts, taking } = scene()
    const [first, second] = [taking(8_000, true), taking(8_000, false)]
    const ask = () => [trials.ask('m', 'tools', first.trial), trials.ask('m', 'json', second.trial)]
    expect(ask()).toEqual([undefined, undefined])
    await clock.advance(8_000)
    expect(ask()).toEqual([true, undefined])
    await clock.until(trials.settled())
    expect(ask()).toEqual([true, false])
    expect(verdicts).toEqual([8_000, 16_000])
    expect([first.startedAt, second.startedAt]).toEqual([[0], [8_000]])
    expect(trials.revision).toBe(2)
  })

  it('are repeated with growing pauses until there is a verdict', async () => {
    const { clock, trials, taking } = scene()
    const { startedAt, trial } = taking(1_000, undefined, undefined, undefined, true)
    trials.ask('m', 'tools', trial)
    await clock.until(trials.settled())
    expect(trials.ask('m', 'tools', trial)).toBeUndefined()
    await clock.advance(2 * MINUTE)
    expect(startedAt).toEqual([0, 6_000, 17_000, 38_000])
    expect(trials.ask('m', 'tools', trial)).toBe(true)
    await clock.advance(60 * MINUTE)
    expect(startedAt).toHaveLength(4)
  })

  it('do not wait for one that pauses', async () => {
    const { clock, trials, taking } = scene()
    const [busy, other] = [taking(1_000, undefined), taking(1_000, true)]
    trials.ask('m', 'tools', busy.trial)
    trials.ask('m', 'json', other.trial)
    await clock.until(trials.settled())
    expect(trials.known('m', 'json')).toBe(true)
    expect(clock.now()).toBe(2_000)
  })

  it('of an engine that is gone go on for as long as it is, every ten minutes', async () => {
    const { clock, trials } = scene()
    let tries = 0
    const gone: Trial<boolean> = async () => {
      tries += 1
      throw new Error('no connection')
    }
    trials.ask('m', 'tools', gone)
    await clock.advance(24 * 60 * MINUTE)
    expect(tries).toBeGreaterThan(140)
    expect(tries).toBeLessThan(155)
  })

  it('that take an engine’s time without a verdict are given up', async () => {
    const { clock, trials, taking } = scene()
    // Ends by the deadline of a trial.
    const { startedAt, trial } = taking(24 * 60 * MINUTE, true)
    trials.ask('m', 'tools', trial)
    await clock.advance(48 * 60 * MINUTE)
    expect(startedAt).toHaveLength(5)
    expect(trials.known('m', 'tools')).toBeUndefined()
  })

  it('of one model run together, so that none is loaded in place of another', async () => {
    const { clock, trials } = scene()
    const order: string[] = []
    const noting =
      (name: string): Trial<boolean> =>
      async () =>
        order.push(name) > 0
    for (const question of ['plain', 'tools']) {
      for (const model of ['a', 'b']) trials.ask(model, question, noting(`${model} ${question}`))
    }
    await clock.until(trials.settled())
    expect(order).toEqual(['a plain', 'a tools', 'b plain', 'b tools'])
  })

  it('may be asked for by a verdict', async () => {
    const { clock, life, taking } = scene()
    const [plain, tools] = [taking(1_000, true), taking(1_000, true)]
    const trials: Trials = new Trials({
      clock,
      signal: life.signal,
      onVerdict: () => trials.ask('m', 'tools', tools.trial),
    })
    trials.ask('m', 'plain', plain.trial)
    await clock.until(trials.settled())
    expect(trials.known('m', 'tools')).toBe(true)
  })

  it('lapse when the engine describes the subject differently, and only then', async () => {
    const { clock, trials, taking } = scene()
    const [tools, other] = [taking(1_000, true, false), taking(1_000, true)]
    const ask = () => trials.ask('m', 'tools', tools.trial)
    trials.describe('m', { version: '1', digest: undefined })
    trials.describe('n', { version: '1' })
    ask()
    trials.ask('n', 'tools', other.trial)
    await clock.until(trials.settled())
    for (const traits of [{ version: '1' }, { version: undefined }, { digest: 'a' }, {}]) {
      trials.describe('m', traits)
      expect(ask()).toBe(true)
    }
    const before = trials.revision
    trials.describe('m', { version: '2' })
    expect([trials.known('m', 'tools'), trials.revision > before]).toEqual([undefined, true])
    ask()
    await clock.until(trials.settled())
    expect([ask(), trials.known('n', 'tools')]).toEqual([false, true])
    expect([tools.startedAt.length, other.startedAt.length]).toEqual([2, 1])
  })

  it('lapse when the engine was down, with those that run, wait and pause', async () => {
    const { clock, trials, verdicts, taking } = scene()
    const kinds = {
      known: taking(1_000, true, false),
      pausing: taking(1_000, undefined, false),
      running: taking(10_000, true, false),
      waiting: taking(1_000, false),
    }
    const ask = () =>
      Object.entries(kinds).map(([question, { trial }]) => trials.ask('m', question, trial))
    ask()
    await clock.advance(3_000)
    expect(ask()).toEqual([true, undefined, undefined, undefined])
    trials.forget()
    // The one that runs ends with a verdict on the engine as it was before.
    await clock.advance(60 * MINUTE)
    expect(verdicts).toEqual([1_000])
    expect(ask()).toEqual([undefined, undefined, undefined, undefined])
    await clock.until(trials.settled())
    expect(ask()).toEqual([false, false, false, false])
    expect(Object.values(kinds).map(({ startedAt }) => startedAt.length)).toEqual([2, 2, 2, 1])
  })

  it('end with their owner', async () => {
    const { clock, life, trials, taking } = scene()
    const [running, waiting] = [taking(MINUTE, true), taking(MINUTE, true)]
    trials.ask('m', 'plain', running.trial)
    trials.ask('m', 'tools', waiting.trial)
    await clock.advance(1_000)
    life.abort(new Error('closed'))
    await trials.settled()
    await clock.advance(60 * MINUTE)
    expect([running.startedAt.length, waiting.startedAt.length, trials.revision]).toEqual([1, 0, 0])
  })
})
