import { useRef, useState } from 'preact/hooks'
import { events, proof } from '../connection.ts'

export interface ChatSettings {
  /** As requests name it: an id, an alias, `auto`, or a chain. */
  readonly model: string
  readonly policy: string
  readonly temperature: number
  readonly maxTokens: number
}

export const DEFAULT_SETTINGS: ChatSettings = {
  model: '',
  policy: 'hedge',
  temperature: 0,
  maxTokens: 512,
}

/** A part of an answer that one attempt wrote. */
export interface Piece {
  readonly peerId: string
  readonly text: string
  /** Chunks, most of them tokens. */
  readonly chunks: number
  /** From the question to its first text and to its latest. */
  readonly fromMs: number
  readonly untilMs: number
}

export interface Turn {
  readonly prompt: string
  readonly pieces: readonly Piece[]
  readonly status: 'done' | 'running' | 'stopped'
  readonly error?: string
}

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

/** The turns outlive a visit to another page. */
let kept: readonly Turn[] = []

export function useChat(): Chat {
  const [turns, setTurns] = useState(kept)
  const running = useRef<AbortController | undefined>(undefined)
  const show = (next: readonly Turn[]): void => {
    kept = next
    setTurns(next)
  }
  const change = (more: (last: Turn) => Turn): void => {
    const last = kept.at(-1)
    if (last !== undefined) show([...kept.slice(0, -1), more(last)])
  }
  return {
    turns,
    isRunning: turns.at(-1)?.status === 'running',
    async send(prompt, settings) {
      const stopping = new AbortController()
      running.current = stopping
      const before = kept
      show([...kept, { prompt, pieces: [], status: 'running' }])
      try {
        const startedAt = performance.now()
        for await (const chunk of answer(before, prompt, settings, stopping.signal)) {
          const atMs = performance.now() - startedAt
          change((last) => ({ ...last, pieces: joined(last.pieces, chunk, atMs) }))
        }
        change((last) => ({ ...last, status: 'done' }))
      } catch (error) {
        const isStopped = stopping.signal.aborted
        const message = error instanceof Error ? error.message : String(error)
        change((last) => ({
          ...last,
          status: isStopped ? 'stopped' : 'done',
          ...(!isStopped && { error: message }),
        }))
      }
    },
    stop: () => running.current?.abort(),
    clear() {
      running.current?.abort()
      show([])
    },
  }
}

/** Text of the same peer is one piece. */
function joined(
  pieces: readonly Piece[],
  { peerId, text }: Written,
  atMs: number,
): readonly Piece[] {
  const last = pieces.at(-1)
  if (last?.peerId !== peerId) {
    return [...pieces, { peerId, text, chunks: 1, fromMs: atMs, untilMs: atMs }]
  }
  const longer = { ...last, text: last.text + text, chunks: last.chunks + 1, untilMs: atMs }
  return [...pieces.slice(0, -1), longer]
}

/** A chunk's text, and who wrote it. */
type Written = Pick<Piece, 'peerId' | 'text'>

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
