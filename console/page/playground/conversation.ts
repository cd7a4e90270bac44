import type { ChatSettings, Piece, Turn, Written } from './turn.ts'

/** Asks for an answer to a prompt after the turns before it. */
export type Ask = (
  before: readonly Turn[],
  prompt: string,
  settings: ChatSettings,
  signal: AbortSignal,
) => AsyncIterable<Written>

/** The turns of a chat, and the answer that runs. It outlives a visit to another page. */
export class Conversation {
  readonly #ask: Ask
  readonly #now: () => number
  readonly #listeners = new Set<() => void>()
  #turns: readonly Turn[] = []
  #stopping: AbortController | undefined

  /** @param now milliseconds since any moment */
  constructor(ask: Ask, now: () => number) {
    this.#ask = ask
    this.#now = now
  }

  get turns(): readonly Turn[] {
    return this.#turns
  }

  /** @returns unsubscribe */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Adds a turn. Resolves when its answer has ended, however it did. */
  async send(prompt: string, settings: ChatSettings): Promise<void> {
    const stopping = new AbortController()
    this.#stopping = stopping
    const before = this.#turns
    let turn: Turn = { prompt, pieces: [], status: 'running' }
    this.#show([...before, turn])
    // A turn that was cleared meanwhile is in the list no longer.
    const change = (more: Partial<Turn>): void => {
      const next = { ...turn, ...more }
      this.#show(this.#turns.map((one) => (one === turn ? next : one)))
      turn = next
    }
    try {
      const startedAt = this.#now()
      for await (const chunk of this.#ask(before, prompt, settings, stopping.signal)) {
        change({ pieces: joined(turn.pieces, chunk, this.#now() - startedAt) })
      }
      change({ status: 'done' })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      change(stopping.signal.aborted ? { status: 'stopped' } : { status: 'done', error: message })
    }
  }

  stop(): void {
    this.#stopping?.abort()
  }

  clear(): void {
    this.stop()
    this.#show([])
  }

  #show(turns: readonly Turn[]): void {
    this.#turns = turns
    for (const listener of this.#listeners) listener()
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
