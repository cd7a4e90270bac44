import { createGateway } from '../../../gateway/index.ts'
import { type ChaosHarm, ChaosWire, DIGEST } from '../../faults/chaos-wire.ts'
import { gatewayClientOf } from '../../swarms/gateway-client.ts'
import type { DialectAnswer } from '../dialects/answer.ts'
import { DIALECTS, type Dialect, speaks } from '../dialects/dialects.ts'
import { questionOf, SHAPES, type Shape } from '../dialects/question.ts'
import { scriptFor } from '../dialects/script.ts'

/** Every shape of answer in every dialect that can ask for it. */
export const DIALECT_CELLS: readonly (readonly [Dialect, Shape])[] = (
  Object.keys(DIALECTS) as Dialect[]
).flatMap((dialect) =>
  SHAPES.filter((shape) => speaks(dialect, shape)).map((shape) => [dialect, shape] as const),
)

/** Faults of which each dialect is tried with some. */
export const DIALECT_FAULTS = [
  'reset and then refused dials',
  'cut in mid-frame',
  'stall',
  'accepted, then an error',
] as const

export interface DialectTrial {
  readonly answer: DialectAnswer
  /** The body of the gateway's answer, as it was sent. */
  readonly body: string
  /** Times that the first peer did harm. */
  readonly strikes: number
}

/** An answer over a gateway with three scripted peers, of which the first ones do harm. */
export async function askUnderFaults(
  [dialect, shape]: (typeof DIALECT_CELLS)[number],
  { stream, harms = [] }: { readonly stream: boolean; readonly harms?: readonly ChaosHarm[] },
): Promise<DialectTrial> {
  await using wire = await ChaosWire.create({
    ...{ peers: 3, harms },
    script: (request) => scriptFor(request, shape === 'reasoning'),
  })
  const gateway = createGateway(gatewayClientOf(wire.swarm.requester))
  const answered: Promise<string>[] = []
  const fetch: typeof globalThis.fetch = async (...asked) => {
    const response = await gateway.fetch(new Request(...asked))
    answered.push(response.clone().text())
    return response
  }
  const question = questionOf(shape, false)
  const answer = await DIALECTS[dialect]({ fetch, model: `m@${DIGEST}`, question, stream })
  const [body = ''] = await Promise.all(answered)
  await gateway.close()
  return { answer, body, strikes: wire.strikes[0] ?? 0 }
}
