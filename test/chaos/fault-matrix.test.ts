import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { InferenceError } from '../../protocol/index.ts'
import { FORMS, type Form, type Taken, take } from '../../testing/chaos/answers.ts'
import { CELLS, middleOf, undisturbedAnswers } from '../../testing/chaos/scenarios/fault-matrix.ts'
import { FAULTS, type Fault } from '../../testing/faults/chaos-faults.ts'
import type { Struck } from '../../testing/faults/chaos-relay.ts'
import { type ChaosHarm, ChaosWire, DIGEST } from '../../testing/faults/chaos-wire.ts'

let undisturbed: ReadonlyMap<Form, Taken>

beforeAll(async () => {
  undisturbed = await undisturbedAnswers()
})

/** The prompt's length is the word of a peer that ended the answer; where that word did not come, it is a guess. */
function expectedOf(form: Form): Taken {
  const expected = undisturbed.get(form)
  if (expected === undefined) throw new Error(`no undisturbed ${form}`)
  return { ...expected, promptTokens: expect.any(Number) as unknown as number }
}

it('has an undisturbed answer of each form to compare with', () => {
  const counted = `${Array.from({ length: 15 }, (_, index) => index + 1).join(', ')}.`
  const stream = { ids: 1, text: counted, finish: 'stop', completionTokens: 30 }
  expect(undisturbed.get('chat stream')).toMatchObject({ ...stream, roles: 1 })
  expect(undisturbed.get('completion stream')).toMatchObject(stream)
  expect(undisturbed.get('chat')?.text).toBe(counted)
  expect(undisturbed.get('completion')?.text).toBe(counted)
  expect(undisturbed.get('embedding')?.vectors).toHaveLength(6)
})

describe.each(FORMS)('%s: the caller gets the undisturbed answer', (form) => {
  const own = CELLS.filter((cell) => cell.form === form)
  it.each(own)('with $name', async ({ fault, at }) => {
    await using wire = await ChaosWire.create({ peers: 3, harms: [{ ...fault, at }] })
    const taken = await take(wire.swarm.requester, form, { model: `m@${DIGEST}` })
    expect(taken).toEqual(expectedOf(form))
    expect(wire.strikes[0]).toBeGreaterThan(0)
    const patient = fault.pacesTokens === true && form === 'embedding'
    if (fault.tooLate !== true && !patient) expect(wire.attempts).toBeGreaterThan(1)
    await wire.atRest()
  })

  it('with a peer that cannot be dialled', async () => {
    await using wire = await ChaosWire.create({ peers: 3, harms: [] })
    for (const peer of wire.swarm.peers.slice(0, 2)) wire.swarm.remove(peer)
    expect(await take(wire.swarm.requester, form, { model: 'm' })).toEqual(expectedOf(form))
  })
})

describe.each(FORMS)('%s: a caller who aborts', (form) => {
  it.each([
    ['before the first piece', 0],
    ['in the middle', middleOf(form)],
  ] as const)('%s gets the reason, and every engine stops', async (_, at) => {
    const caller = new AbortController()
    const reason = new Error('enough')
    const strike = async ({ left }: Struck): Promise<'over'> => {
      caller.abort(reason)
      await left()
      return 'over'
    }
    await using wire = await ChaosWire.create({ peers: 3, harms: [{ at, strike }] })
    const { signal } = caller
    const taken = take(wire.swarm.requester, form, { model: 'm', options: { signal } })
    await expect(taken).rejects.toBe(reason)
    await wire.atRest()
    expect(wire.swarm.requester.inFlight).toBe(0)
  })
})

describe('an answer that meets fault after fault', () => {
  it('does not go back to a peer that fell silent while there are others', async () => {
    const strike = async ({ left }: Struck): Promise<'over'> => left().then(() => 'over')
    const silent = { at: 4, strike }
    await using wire = await ChaosWire.create({ peers: 5, harms: [silent, silent, silent, silent] })
    const taken = await take(wire.swarm.requester, 'chat stream', { model: 'm' })
    expect(taken.text).toBe(undisturbed.get('chat stream')?.text)
    expect(wire.swarm.peers.map(({ streams }) => streams.length)).toEqual([1, 1, 1, 1, 1])
  })

  const harm = fc
    .record({ fault: fc.constantFrom(...FAULTS), at: fc.integer({ min: 0, max: 40 }) })
    .map(({ fault, at }): Fault & ChaosHarm => ({ ...fault, at }))
  const harms = fc.array(harm, { minLength: 1, maxLength: 4 })

  it('is the undisturbed one, or what came of it is and the rest is a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...FORMS), harms, async (form, chosen) => {
        await using wire = await ChaosWire.create({ peers: chosen.length + 2, harms: chosen })
        let text = ''
        try {
          const onText = (so: string): void => {
            text = so
          }
          const taken = await take(wire.swarm.requester, form, { model: `m@${DIGEST}`, onText })
          expect(taken).toEqual(expectedOf(form))
        } catch (error) {
          if (!InferenceError.is(error)) throw error
          expect(undisturbed.get(form)?.text.startsWith(text)).toBe(true)
          // Two engines that fail at one request are the one reason to give up while good peers are left.
          expect(error.code, error.message).toBe('engine_failed')
        }
        await wire.atRest()
      }),
      { numRuns: 40, seed: 4 },
    )
  }, 110_000)
})
