import { defaultLogger } from '@libp2p/logger'
import { afterEach, describe, expect, it } from 'vitest'
import { EngineWatch } from '../../../node/engine-watch.ts'
import type { EngineState } from '../../../node/node-status.ts'
import { VirtualClock } from '../../../testing/index.ts'

let watch: EngineWatch
afterEach(() => watch.stop())

/** A node whose engine is as `engine` says. */
async function scene({ startedAtMs = 0 } = {}) {
  const clock = new VirtualClock()
  const engine = {
    ...{ asked: 0, used: false, state: 'ready' as 'loading' | 'ready', gone: false },
    ...{ listed: 0, revision: 0 },
  }
  watch = new EngineWatch({
    status: {
      get engine(): EngineState {
        return { status: engine.state }
      },
      get engineGone() {
        return engine.gone
      },
      get state() {
        return engine.state
      },
      get engineLoad() {
        const rates = { prefillRate: 0, decodeRate: 0 }
        return { state: engine.state, slots: 1, ...rates, modelsRevision: engine.revision }
      },
      refresh: async () => {
        engine.asked += 1
      },
    },
    models: {
      refresh: () => {
        engine.listed += 1
        return Promise.resolve({ missing: [], existing: [], changed: false })
      },
    },
    isUsed: () => engine.used,
    onEngine: () => {},
    onModels: () => Promise.resolve(),
    onReady: () => Promise.resolve(),
    log: defaultLogger().forComponent('test'),
    clock,
  })
  if (startedAtMs > 0) {
    await clock.advance(startedAtMs)
    watch.wake()
  }
  watch.start()
  /** How often the engine is asked in a minute. */
  const inMinute = async (): Promise<number> => {
    const before = engine.asked
    await clock.advance(60_000)
    return engine.asked - before
  }
  return { clock, engine, inMinute }
}

describe('the watch over an engine', () => {
  it('asks it no more often for a peer that came before the start', async () => {
    const { inMinute } = await scene({ startedAtMs: 100_000 })
    expect(await inMinute()).toBe(30)
  })

  it('asks it every two seconds, and every ten a minute after the last use', async () => {
    const { engine, inMinute } = await scene()
    expect(await inMinute()).toBe(30)
    engine.used = true
    expect(await inMinute()).toBe(30)
    engine.used = false
    await inMinute()
    expect(await inMinute()).toBeLessThanOrEqual(7)
  })

  it('asks soon after a peer that comes after a rest', async () => {
    const { clock, engine, inMinute } = await scene()
    await inMinute()
    await inMinute()
    await inMinute()
    const { asked } = engine
    watch.wake()
    await clock.advance(2_000)
    expect(engine.asked).toBe(asked + 1)
    // Peers that come all the time do not put it off.
    for (let second = 0; second < 10; second += 1) {
      watch.wake()
      await clock.advance(1_000)
    }
    expect(engine.asked).toBe(asked + 6)
  })

  it('asks four times a second while it is away, and once a second when an operator has to start it', async () => {
    const { engine, inMinute } = await scene()
    engine.state = 'loading'
    expect(await inMinute()).toBeGreaterThan(200)
    engine.gone = true
    expect(await inMinute()).toBeLessThanOrEqual(61)
  })

  it('asks for its models twice a minute, and as soon as a trial has proved something', async () => {
    const { clock, engine, inMinute } = await scene()
    await inMinute()
    const { listed } = engine
    await inMinute()
    expect(engine.listed).toBe(listed + 2)
    engine.used = true
    watch.wake()
    await clock.advance(2_000)
    const before = engine.listed
    engine.revision += 1
    await clock.advance(2_000)
    expect(engine.listed).toBe(before + 1)
  })
})
