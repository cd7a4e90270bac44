import { describe, expect, it } from 'vitest'
import { FORMS, take } from '../../testing/chaos/answers.ts'
import { middleOf, undisturbedAnswers } from '../../testing/chaos/scenarios/fault-matrix.ts'
import { FAULTS } from '../../testing/faults/chaos-faults.ts'
import { ChaosWire, DIGEST } from '../../testing/faults/chaos-wire.ts'

const undisturbed = await undisturbedAnswers()
/** Those that can come in the middle of an answer and are seen before its end. */
const MIDDLE = FAULTS.filter(({ beforeOnly, tooLate }) => beforeOnly !== true && tooLate !== true)

describe.each(['chat stream', 'embedding'] as const)('%s over a kept stream', (form) => {
  const expected = {
    ...undisturbed.get(form),
    promptTokens: expect.any(Number) as unknown as number,
  }

  it.each(MIDDLE.flatMap((fault) => [1, 2].map((answers) => ({ ...fault, answers }))))(
    'is the undisturbed answer with $name after $answers answers',
    async (fault) => {
      const harm = { ...fault, at: middleOf(form) }
      await using wire = await ChaosWire.create({
        peers: 3,
        harms: [harm],
        keptFor: fault.answers,
      })
      // Requests move between peers: at the latest the tenth comes to a stream that has carried enough.
      for (let request = 0; request < 10 && wire.strikes[0] === 0; request += 1) {
        const taken = await take(wire.swarm.requester, form, { model: `m@${DIGEST}` })
        expect(taken).toEqual(expected)
      }
      expect(wire.strikes[0]).toBeGreaterThan(0)
      for (const engine of wire.engines) await engine.idle()
    },
  )
})

it('answers every form over streams that are kept', async () => {
  await using wire = await ChaosWire.create({ peers: 1, harms: [], keptFor: 1_000 })
  for (let round = 0; round < 2; round += 1) {
    for (const form of FORMS) {
      const taken = await take(wire.swarm.requester, form, { model: 'm' })
      expect(taken).toEqual(undisturbed.get(form))
    }
  }
  expect(wire.attempts).toBe(1)
})
