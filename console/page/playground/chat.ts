import { useEffect, useState } from 'preact/hooks'
import { events, proof } from '../connection.ts'
import { Conversation } from './conversation.ts'
import type { ChatSettings, Turn, Written } from './turn.ts'

export interface Chat {
  readonly turns: readonly Turn[]
  readonly isRunning: boolean
  send(prompt: string, settings: ChatSettings): Promise<void>
  stop(): void
  clear(): void
}

/** The chunk of a stream, as far as it is read here. */
interface Chunk {
  readonly choices?: readonly { readonly delta: { readonly content?: string | null } }[]
  readonly skein?: { readonly peer_id?: string }
  readonly error?: { readonly message: string }
}

const conversation = new Conversation(answer, () => performance.now())

/** The one chat of the page. */
export function useChat(): Chat {
  const [turns, setTurns] = useState(conversation.turns)
  useEffect(() => {
    const show = (): void => setTurns(conversation.turns)
    show()
    return conversation.onChange(show)
  }, [])
  return {
    turns,
    isRunning: turns.at(-1)?.status === 'running',
    send: (prompt, settings) => conversation.send(prompt, settings),
    stop: () => conversation.stop(),
    clear: () => conversation.clear(),
  }
}

async function* answer(
  before: readonly Turn[],
  prompt: string,
  settings: ChatSettings,
  signal: AbortSignal,
): AsyncGenerator<Written, void, void> {
  const { model, policy, temperature, maxTokens } = settings
  const response = await fetch('/v1/chat/completions', {
    method: 'POST',
    signal,
    headers: {
      ...proof(),
      'content-type': 'application/json',
      'x-skein-policy': policy,
      'x-skein-show-peers': 'true',
    },
    body: JSON.stringify({
      ...{ model, temperature, max_tokens: maxTokens, stream: true },
      messages: [...before.flatMap(messagesOf), { role: 'user', content: prompt }],
    }),
  })
  if (!response.ok || response.body === null) {
    const { error } = (await response.json().catch(() => ({}))) as Chunk
    throw new Error(error?.message ?? response.statusText)
  }
  for await (const data of events(response.body)) {
    if (data === '[DONE]') return
    const chunk = JSON.parse(data) as Chunk
    if (chunk.error !== undefined) throw new Error(chunk.error.message)
    const text = chunk.choices?.[0]?.delta.content ?? ''
    if (text !== '') yield { peerId: chunk.skein?.peer_id ?? '', text }
  }
  throw new Error('the stream ended without its end')
}

function messagesOf({ prompt, pieces }: Turn): object[] {
  const content = pieces.map(({ text }) => text).join('')
  return content === ''
    ? []
    : [
        { role: 'user', content: prompt },
        { role: 'assistant', content },
      ]
}
