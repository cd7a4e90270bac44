import { describe, expect, it, vi } from 'vitest'
import { type StreamOptions, streamAnswer } from '../../../cli/stream-answer.ts'
import { createTerminal } from '../../../cli/terminal.ts'
import type { Client } from '../../../client/index.ts'

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'x' }] } as const
const USAGE = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
const ATTEMPTS = [{ peerId: 'p', outcome: 'answered', ttftMs: 1, durationMs: 2 }] as const
const EVENT = { requestId: 'r', attempts: ATTEMPTS }

interface Piece {
  readonly content?: string
  readonly finish?: 'stop'
  readonly peerId?: string
  readonly error?: Error
}

/** A client whose peers send these pieces. */
function clientSaying(...pieces: Piece[]) {
  const chat = vi.fn((_request: object, _options: object) => ({
    attempts: ATTEMPTS,
    usage: USAGE,
    event: EVENT,
    async *[Symbol.asyncIterator]() {
      for (const { content, finish = null, peerId = 'p', error } of pieces) {
        if (error !== undefined) throw error
        const delta = content === undefined ? { role: 'assistant' } : { content }
        yield { choices: [{ index: 0, delta, finish_reason: finish }], skein: { peerId } }
      }
    },
  }))
  return { chat } as unknown as Client & { readonly chat: typeof chat }
}

async function stream(json: boolean, client: Client, options: Partial<StreamOptions> = {}) {
  const out: string[] = []
  const terminal = createTerminal({
    stdout: { write: (text) => out.push(text) },
    stderr: { write: () => 0 },
    stdinIsTty: false,
    json,
  })
  const answer = await streamAnswer(client, terminal, REQUEST, {
    signal: new AbortController().signal,
    ...options,
  })
  return { out: out.join(''), answer }
}

describe('streamAnswer', () => {
  it('strips terminal escapes from peers’ text, also if split between pieces', async () => {
    const { out } = await stream(
      false,
      clientSaying(
        { content: 'safe\u001b]52;c;' },
        { content: 'cm0=\u0007\u001b[' },
        { content: '2J!\n' },
      ),
    )
    expect(out).toBe('safe!\n')
  })

  it('hands scripts the text exactly, piece by piece, with the peer that served it', async () => {
    const { out, answer } = await stream(
      true,
      clientSaying(
        {},
        { content: 'a\u001b[31m', peerId: 'first' },
        { content: 'b', peerId: 'second', finish: 'stop' },
      ),
    )
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(events).toEqual([
      { event: 'delta', text: 'a\u001b[31m', peerId: 'first' },
      { event: 'delta', text: 'b', peerId: 'second' },
    ])
    expect(answer).toEqual({
      text: 'a\u001b[31mb',
      finishReason: 'stop',
      usage: USAGE,
      attempts: ATTEMPTS,
    })
  })

  it('hands on how the peers are to be used', async () => {
    const client = clientSaying({ content: 'a', finish: 'stop' })
    await stream(false, client, { policy: 'race:2', resume: 'off', timeoutMs: 5 })
    expect(client.chat.mock.calls[0]?.[1]).toEqual({
      signal: expect.any(AbortSignal),
      onPeerProgress: expect.any(Function),
      policy: 'race:2',
      resume: 'off',
      timeoutMs: 5,
    })
  })

  it('reports the request once it has ended, also after a failure', async () => {
    const onEvent = vi.fn()
    await stream(false, clientSaying({ content: 'a', finish: 'stop' }), { onEvent })
    const failing = clientSaying({ content: 'a' }, { error: new Error('died') })
    await expect(stream(false, failing, { onEvent })).rejects.toThrow('died')
    expect(onEvent.mock.calls).toEqual([[EVENT], [EVENT]])
  })
})
