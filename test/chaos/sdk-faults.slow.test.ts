import OpenAI, { OpenAIError } from 'openai'
import { describe, expect, it, vi } from 'vitest'
import { createGateway, serveGateway } from '../../gateway/index.ts'
import { FORMS, type Form } from '../../testing/chaos/answers.ts'
import { CELLS } from '../../testing/chaos/scenarios/fault-matrix.ts'
import type { Fault } from '../../testing/faults/chaos-faults.ts'
import type { FaultPoint } from '../../testing/faults/chaos-relay.ts'
import { ChaosWire, DIGEST } from '../../testing/faults/chaos-wire.ts'
import { gatewayClientOf } from '../../testing/swarms/gateway-client.ts'

vi.setConfig({ testTimeout: 60_000 })

const COUNTED = `${Array.from({ length: 15 }, (_, index) => index + 1).join(', ')}.`
const PROMPT = 'Count from 1 to 15.'
const INPUT = ['a', 'b', 'c', 'd', 'e', 'f']
const WAYS = ['over HTTP', 'in-process'] as const

interface Told {
  readonly text: string
  readonly finish: string | null
  readonly vectors: number
}

/** The answer as the official SDK gives it. @throws what the SDK throws */
async function ask(openai: OpenAI, form: Form): Promise<Told> {
  const model = `m@${DIGEST}`
  const chat = { model, messages: [{ role: 'user' as const, content: PROMPT }] }
  const completion = { model, prompt: PROMPT, max_tokens: 100 }
  let text = ''
  let finish: string | null = null
  switch (form) {
    case 'chat': {
      const [choice] = (await openai.chat.completions.create(chat)).choices
      return {
        text: choice?.message.content ?? '',
        finish: choice?.finish_reason ?? null,
        vectors: 0,
      }
    }
    case 'chat stream': {
      for await (const { choices } of await openai.chat.completions.create({
        ...chat,
        stream: true,
      })) {
        text += choices[0]?.delta.content ?? ''
        finish = choices[0]?.finish_reason ?? finish
      }
      return { text, finish, vectors: 0 }
    }
    case 'completion': {
      const [choice] = (await openai.completions.create(completion)).choices
      return { text: choice?.text ?? '', finish: choice?.finish_reason ?? null, vectors: 0 }
    }
    case 'completion stream': {
      for await (const { choices } of await openai.completions.create({
        ...completion,
        stream: true,
      })) {
        text += choices[0]?.text ?? ''
        finish = choices[0]?.finish_reason ?? finish
      }
      return { text, finish, vectors: 0 }
    }
    case 'embedding': {
      const { data } = await openai.embeddings.create({ model, input: INPUT })
      return { text: '', finish: null, vectors: data.length }
    }
    default:
      return form satisfies never
  }
}

const whole = (form: Form): Told =>
  form === 'embedding'
    ? { text: '', finish: null, vectors: INPUT.length }
    : { text: COUNTED, finish: 'stop', vectors: 0 }

interface Harmed {
  readonly form: Form
  readonly fault: Fault
  readonly at: FaultPoint
  readonly way: (typeof WAYS)[number]
  /** Peers that fail so; two more do no harm. */
  readonly harmed?: number
  readonly peers?: number
  readonly headers?: Record<string, string>
}

async function underFault({ form, fault, at, way, ...more }: Harmed): Promise<Told> {
  const { harmed = 1, peers = harmed + 2, headers = {} } = more
  const harms = Array.from({ length: harmed }, () => ({ ...fault, at }))
  await using wire = await ChaosWire.create({ peers, harms })
  const client = gatewayClientOf(wire.swarm.requester)
  const settings = { apiKey: 'none', maxRetries: 0, defaultHeaders: headers }
  if (way === 'in-process') {
    const { fetch } = createGateway(client)
    return await ask(new OpenAI({ ...settings, baseURL: 'http://skein.local/v1', fetch }), form)
  }
  await using server = await serveGateway(client, { port: 0, drainMs: 5_000 })
  return await ask(new OpenAI({ ...settings, baseURL: `${server.url}/v1` }), form)
}

/** What the two ways have in common is tried once. */
const MATRIX = FORMS.flatMap((form) =>
  form.startsWith('chat') ? WAYS.map((way) => [form, way] as const) : [[form, WAYS[0]] as const],
)

const cellsOf = (form: Form) => CELLS.filter((cell) => cell.form === form)

describe.each(MATRIX)('%s, %s: the official SDK gets the whole answer', (form, way) => {
  it.concurrent.each(cellsOf(form))('with $name', async ({ fault, at }) => {
    expect(await underFault({ form, fault, at, way })).toEqual(whole(form))
  })
})

describe.each(['chat stream', 'chat'] as const)(
  '%s: the official SDK throws instead of ending early if no peer can continue',
  (form) => {
    it.concurrent.each(cellsOf(form))('with $name', async ({ fault, at }) => {
      const headers = { 'x-skein-resume': 'off', 'x-skein-policy': 'single' }
      const alone = { form, fault, at, way: WAYS[0], harmed: 1, peers: 1, headers }
      const told: unknown = await underFault(alone).catch((error: unknown) => error)
      if (told instanceof Error) expect(told).toBeInstanceOf(OpenAIError)
      else expect(told).toEqual(whole(form))
    })
  },
)
