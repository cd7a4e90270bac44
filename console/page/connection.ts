import type { ConsoleMessage } from '../state.ts'

/** Why the console is not shown. */
export type Refusal = 'key' | 'loopback' | 'rights' | 'token'

export interface Listener {
  onMessage(message: ConsoleMessage): void
  onLost(): void
  onRefused(refusal: Refusal): void
}

const RETRY_MS = 1_500
const KEY_ITEM = 'skein-key'

/** The key that was pasted in this tab. */
export const key = {
  get: (): string => sessionStorage.getItem(KEY_ITEM) ?? '',
  set: (value: string): void => sessionStorage.setItem(KEY_ITEM, value),
}

/** Headers that prove to the gateway that this page calls. */
export function proof(): Record<string, string> {
  const token = document.querySelector<HTMLMetaElement>('meta[name=skein-token]')?.content ?? ''
  const bearer: Record<string, string> =
    key.get() === '' ? {} : { authorization: `Bearer ${key.get()}` }
  return token === '' ? bearer : { ...bearer, 'x-skein-console': token }
}

/** Follows the gateway's event stream, and connects again when it ends. @returns stops */
export function follow(listener: Listener): () => void {
  const stopping = new AbortController()
  const { signal } = stopping
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const refusal = await read(listener, signal).catch(() => undefined)
      if (signal.aborted) return
      if (refusal === 'token') location.reload()
      if (refusal !== undefined) {
        listener.onRefused(refusal)
        return
      }
      listener.onLost()
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
  void run()
  return () => stopping.abort()
}

/** @returns why the gateway refused, or nothing when the stream ended */
async function read(listener: Listener, signal: AbortSignal): Promise<Refusal | undefined> {
  const response = await fetch('/console/events', { headers: proof(), signal })
  if (!response.ok || response.body === null) {
    const { refusal } = (await response.json().catch(() => ({}))) as { refusal?: Refusal }
    return refusal
  }
  for await (const data of events(response.body)) {
    listener.onMessage(JSON.parse(data) as ConsoleMessage)
  }
  return undefined
}

/** The data of server-sent events. */
export async function* events(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<string, void, void> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .getReader()
  let buffer = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      buffer += value
      const parts = buffer.split('\n\n')
      buffer = parts.pop() ?? ''
      for (const part of parts) {
        const data = part
          .split('\n')
          .filter((line) => line.startsWith('data: '))
          .map((line) => line.slice('data: '.length))
          .join('\n')
        if (data !== '') yield data
      }
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Asks the gateway to change something. @throws Error with the gateway's words */
export async function act<T>(action: Record<string, unknown>): Promise<T> {
  const response = await fetch('/console/actions', {
    method: 'POST',
    headers: { ...proof(), 'content-type': 'application/json' },
    body: JSON.stringify(action),
  })
  const answer = (await response.json()) as T & { readonly error?: string }
  if (!response.ok) throw new Error(answer.error ?? response.statusText)
  return answer
}
