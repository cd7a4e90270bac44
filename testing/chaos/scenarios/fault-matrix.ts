import { InferenceError } from '../../../protocol/index.ts'
import { FAULTS, type Fault } from '../../faults/chaos-faults.ts'
import type { FaultPoint } from '../../faults/chaos-relay.ts'
import { ChaosWire, DIGEST } from '../../faults/chaos-wire.ts'
import { FORMS, type Form, type Taken, take } from '../answers.ts'
import { differenceOf } from '../exactness.ts'
import type { Tally } from '../watch.ts'

/** Pieces that the caller has when a fault comes in the middle: two of six embeddings, eleven of thirty tokens. */
const PIECES = { text: 11, embedding: 2 } as const
const AT_ONCE = 8

export const middleOf = (form: Form): number =>
  form === 'embedding' ? PIECES.embedding : PIECES.text

/** One fault at one place of one kind of answer. */
export interface Cell {
  readonly name: string
  readonly form: Form
  readonly fault: Fault
  readonly at: FaultPoint
}

export const CELLS: readonly Cell[] = FORMS.flatMap((form) =>
  FAULTS.flatMap((fault) => {
    const { name, before = 0, beforeOnly } = fault
    const first = { name: `${name}, before the first piece`, form, fault, at: before }
    const middle = { name: `${name}, in the middle`, form, fault, at: middleOf(form) }
    return beforeOnly === true ? [first] : [first, middle]
  }),
)

/** One answer of each form, from a peer that does no harm. */
export async function undisturbedAnswers(): Promise<ReadonlyMap<Form, Taken>> {
  await using wire = await ChaosWire.create({ peers: 1, harms: [] })
  const answers = new Map<Form, Taken>()
  for (const form of FORMS)
    answers.set(form, await take(wire.swarm.requester, form, { model: 'm' }))
  return answers
}

/** Every cell so many times. */
export async function faultMatrix(size: { readonly times: number }): Promise<Tally> {
  const undisturbed = await undisturbedAnswers()
  const waiting = Array.from({ length: size.times }, () => CELLS).flat()
  const found = { requests: 0, failed: 0, wrong: 0, lost: 0, doubled: 0 }
  const errors: Record<string, number> = {}
  const worker = async (): Promise<void> => {
    for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) {
      found.requests += 1
      const result = await runCell(cell)
      if (result.error === undefined) {
        const right = undisturbed.get(cell.form)
        if (!sameAnswer(result, right)) found.wrong += 1
        const { lost, doubled } = differenceOf(right?.text ?? '', result.text, 'complete')
        found.lost += lost
        found.doubled += doubled
      } else {
        found.failed += 1
        errors[result.error.code] = (errors[result.error.code] ?? 0) + 1
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return { ...found, resumes: 0, recoveryMs: [], errors, failures: [] }
}

type Result = Pick<Taken, 'finish' | 'text' | 'vectors'> & { readonly error?: InferenceError }

async function runCell({ form, fault, at }: Cell): Promise<Result> {
  await using wire = await ChaosWire.create({ peers: 3, harms: [{ ...fault, at }] })
  try {
    return await take(wire.swarm.requester, form, { model: `m@${DIGEST}` })
  } catch (error) {
    return { text: '', finish: null, vectors: [], error: InferenceError.from(error) }
  }
}

function sameAnswer(one: Result, other: Taken | undefined): boolean {
  const parts = ({ text, finish, vectors }: Result): string =>
    JSON.stringify([text, finish, vectors])
  return other !== undefined && parts(one) === parts(other)
}
