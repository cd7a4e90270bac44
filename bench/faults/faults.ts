import type { DialectAnswer } from '../../testing/chaos/dialects/answer.ts'
import { DIALECTS, type Dialect, speaks } from '../../testing/chaos/dialects/dialects.ts'
import {
  type Question,
  questionOf,
  type Shape,
  STOP,
} from '../../testing/chaos/dialects/question.ts'
import { isTypedError } from '../../testing/chaos/dialects/typed-error.ts'
import type { EngineChoice } from '../engine-choice.ts'
import type { Report } from '../report.ts'
import type { Loss } from './breaking-backend.ts'
import { type Variant, variantsOf } from './engines.ts'
import { FaultSwarm } from './fault-swarm.ts'
import { Tally } from './tally.ts'

/** The one that is lost, and one to go on. */
const NODES = 2

/** Where an answer is broken, as a share of its chunks, and how its node is lost. */
interface Place {
  readonly at: number
  readonly how: Loss
  readonly stream: boolean
}

const PLACES: readonly Place[] = [
  { at: 0.05, how: 'connection', stream: true },
  { at: 0.3, how: 'connection', stream: true },
  { at: 0.95, how: 'connection', stream: true },
  { at: 0.5, how: 'connection', stream: false },
]
const QUICK: readonly Place[] = PLACES.slice(1, 2)
/** In the middle of each of three calls. */
const CALLS: readonly Place[] = [0.16, 0.5, 0.83].map((at) => ({
  ...{ at, how: 'connection', stream: true },
}))
/** In one dialect of each shape: a node has to be started in place of the killed one. */
const KILL: Place = { at: 0.6, how: 'kill', stream: true }

/** Answers of a real engine, in each shape and dialect, whose node is lost in the middle. */
export async function faults(
  quick: boolean,
  model?: string,
  choice: EngineChoice = {},
): Promise<Report> {
  const tally = new Tally()
  for await (const variant of variantsOf(choice, model)) {
    await using _started = variant
    await tryVariant(variant, quick ? QUICK : PLACES, tally).catch((error: unknown) => {
      // What was measured by then is told.
      tally.note(`not all of ${variant.shapes.join(', ')} were tried: ${String(error)}`)
    })
  }
  const { engine, flavour = engine === undefined ? 'embedded' : 'tried' } = choice
  return {
    title: `answers of the ${flavour} engine whose node is lost in the middle`,
    rows: tally.rows(),
    notes: tally.notes(),
  }
}

async function tryVariant(
  { engine, shapes }: Variant,
  places: readonly Place[],
  tally: Tally,
): Promise<void> {
  await using swarm = await FaultSwarm.create(engine, NODES)
  const model = await swarm.model()
  for (const [index, shape] of shapes.entries()) {
    const dialects = (Object.keys(DIALECTS) as Dialect[]).filter((name) => speaks(name, shape))
    for (const [turn, dialect] of dialects.entries()) {
      const isKilled = turn === index % dialects.length
      const all = shape === 'three calls' ? CALLS : places
      const own = isKilled ? [...all, KILL] : all
      await tryCell({ swarm, model, shape, dialect, places: own, tally })
    }
  }
}

interface CellInit {
  readonly swarm: FaultSwarm
  readonly model: string
  readonly shape: Shape
  readonly dialect: Dialect
  readonly places: readonly Place[]
  readonly tally: Tally
}

async function tryCell(init: CellInit): Promise<void> {
  const { swarm, shape, dialect, places, tally } = init
  await swarm.changeCaller()
  const right = await undisturbed(init)
  if (typeof right === 'string') {
    tally.skip(shape, dialect, right)
    return
  }
  const expected = JSON.stringify(right.answer)
  for (const { at, how, stream } of places) {
    const chunk = Math.min(right.chunks - 1, Math.floor(right.chunks * at))
    const name = `${dialect}${stream ? ' stream' : ''}, ${how} at chunk ${chunk} of ${right.chunks}`
    swarm.arm([{ at: chunk, how }])
    const outcome = await ask(init, right.question, stream).then(
      (answer) => {
        const told = JSON.stringify(answer)
        return told === expected ? 'same' : `different: ${told} instead of ${expected}`
      },
      (error: unknown) => (isTypedError(error) ? error : `not typed: ${String(error)}`),
    )
    const isBroken = swarm.broken.length > 0
    const { seams } = swarm
    swarm.arm([])
    await swarm.refill()
    if (isBroken) tally.add({ shape, name, outcome, seams })
    else tally.skip(shape, dialect, `not broken: ${name}`)
  }
}

interface Undisturbed {
  readonly question: Question
  readonly answer: DialectAnswer
  readonly chunks: number
}

/** @returns the answer, or why the shape cannot be tried */
async function undisturbed(init: CellInit): Promise<Undisturbed | string> {
  const { swarm, shape } = init
  let why = ''
  for (const mustCall of shape === 'one call' ? [false, true] : [false]) {
    const question = questionOf(shape, mustCall)
    swarm.arm([])
    try {
      const answer = await ask(init, question, true)
      const chunks = await swarm.chunks()
      const again = await ask(init, question, false)
      if (JSON.stringify(answer) !== JSON.stringify(again)) {
        why = `differs by itself: ${JSON.stringify([answer, again])}`
      } else if (!hasShape(answer, shape)) why = `another shape: ${JSON.stringify(answer)}`
      else return { question, answer, chunks }
    } catch (error) {
      why = String(error)
    }
  }
  return why
}

function hasShape({ text, reasoning, calls }: DialectAnswer, shape: Shape): boolean {
  switch (shape) {
    case 'text':
    case 'no call':
      return text !== '' && calls.length === 0
    case 'stop':
      return text !== '' && !text.includes(STOP)
    case 'one call':
      return calls.length === 1
    case 'three calls':
      return calls.length === 3
    case 'reasoning':
      return reasoning !== ''
    case 'JSON':
      return text.startsWith('{')
    default:
      return shape satisfies never
  }
}

async function ask(
  { swarm, model, dialect }: CellInit,
  question: Question,
  stream: boolean,
): Promise<DialectAnswer> {
  const { fetch } = swarm.gateway
  return await DIALECTS[dialect]({
    fetch: fetch as typeof globalThis.fetch,
    model,
    question,
    stream,
  })
}
