import type { RequestOptions } from '../../client/index.ts'
import type { Requester } from '../../client/pipeline/requester.ts'
/** The ways of asking that a caller has. */
export type Form = 'chat stream' | 'chat' | 'completion stream' | 'completion' | 'embedding'
export const FORMS: readonly Form[] = [
  'chat stream',
  'chat',
  'completion stream',
  'completion',
  'embedding',
]

/** What a caller has in hands at the end, whichever way it asked. */
export interface Taken {
  readonly text: string
  readonly vectors: readonly (readonly number[])[]
  readonly finish: string | null
  /** Distinct ids, roles and times of creation of a stream's chunks: one each, or none where the form has none. */
  readonly ids: number
  readonly roles: number
  readonly promptTokens: number
  readonly completionTokens: number
}

const PROMPT = 'Count from 1 to 15.'
const INPUTS = ['one', 'two', 'three', 'four', 'five', 'six']

interface Ask {
  readonly model: string
  readonly options?: RequestOptions
  /** Changes nothing in the answers but that no two requests are the same. @default 1 */
  readonly seed?: number
  /** Output of the stream so far, for messages about failed answers. */
  readonly onText?: (text: string) => void
}

export async function take(requester: Requester, form: Form, ask: Ask): Promise<Taken> {
  const { model, options = {}, seed = 1, onText = () => {} } = ask
  const sampling = { model, temperature: 0, seed }
  const chat = { ...sampling, messages: [{ role: 'user', content: PROMPT }] }
  const completion = { ...sampling, prompt: PROMPT }
  switch (form) {
    case 'chat stream': {
      const answer = requester.streamChat({ ...chat, stream: true }, options)
      let text = ''
      let finish: string | null = null
      let roles = 0
      const ids = new Set<string>()
      for await (const { id, created, choices } of answer) {
        ids.add(`${id} ${created}`)
        const [choice] = choices
        text += choice?.delta.content ?? ''
        if (choice?.delta.role !== undefined) roles += 1
        finish = choice?.finish_reason ?? finish
        onText(text)
      }
      return { ...EMPTY, text, finish, ids: ids.size, roles, ...tokensOf(answer.usage) }
    }
    case 'completion stream': {
      const answer = requester.streamCompletion({ ...completion, stream: true }, options)
      let text = ''
      let finish: string | null = null
      const ids = new Set<string>()
      for await (const { id, created, choices } of answer) {
        ids.add(`${id} ${created}`)
        text += choices[0]?.text ?? ''
        finish = choices[0]?.finish_reason ?? finish
        onText(text)
      }
      return { ...EMPTY, text, finish, ids: ids.size, ...tokensOf(answer.usage) }
    }
    case 'chat': {
      const { choices, usage } = await requester.chat(chat, options)
      const [choice] = choices
      const text = choice?.message.content ?? ''
      return { ...EMPTY, text, finish: choice?.finish_reason ?? null, ...tokensOf(usage) }
    }
    case 'completion': {
      const { choices, usage } = await requester.complete(completion, options)
      const [choice] = choices
      return {
        ...EMPTY,
        text: choice?.text ?? '',
        finish: choice?.finish_reason ?? null,
        ...tokensOf(usage),
      }
    }
    case 'embedding': {
      const { data, usage } = await requester.embed({ model, input: INPUTS }, options)
      const vectors = data.map(({ embedding }) => embedding as number[])
      return { ...EMPTY, vectors, ...tokensOf({ completion_tokens: 0, ...usage }) }
    }
    default:
      return form satisfies never
  }
}

const EMPTY: Taken = {
  text: '',
  vectors: [],
  finish: null,
  ids: 0,
  roles: 0,
  promptTokens: 0,
  completionTokens: 0,
}

function tokensOf(
  usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | undefined,
): Pick<Taken, 'completionTokens' | 'promptTokens'> {
  return {
    promptTokens: usage?.prompt_tokens ?? -1,
    completionTokens: usage?.completion_tokens ?? -1,
  }
}
