import { type AttemptEvent, type AttemptSource, Watchdog } from '../../client/attempt/index.ts'
import { type ErrorCode, InferenceError, type Load } from '../../protocol/index.ts'
import { Mailbox } from '../../timing/index.ts'
import { tokenOf } from './divergence.ts'
import type { SimRequest } from './outcome.ts'
import type { Call, FirstToken, SimPeer } from './sim-peer.ts'
import type { World } from './world.ts'

/** Tokens of one piece at most, and how long a piece is waited for at most: a real stream is finer, and costs more. */
const PIECE = { maxTokens: 8, maxMs: 250 } as const

type News =
  | { readonly type: 'first'; readonly first: FirstToken }
  | { readonly type: 'end'; readonly load: Load }
  | { readonly type: 'failed'; readonly error: InferenceError; readonly load?: Load }
  /** The attempt falls silent without ending. */
  | { readonly type: 'silent' }

/** Dependencies of an attempt on its client. */
export interface SimSender {
  readonly name: string
  readonly world: World
  /** Sends a call to a peer. @returns cancels it */
  send(peer: SimPeer, call: Omit<Call, 'client' | 'network' | 'rttMs'>): () => void
}

/** Attempts of one request of a client, on simulated peers and in virtual time. */
export function createSimAttempt(client: SimSender, asked: SimRequest): AttemptSource {
  const { world } = client
  const clock = world.time
  return async function* simAttempt(init, { signal }) {
    signal.throwIfAborted()
    const { limits, onLoad, resume } = init
    const peer = world.peer(init.peerId.toString())
    const tokensBefore = resume?.tokenIds.length ?? 0
    const promptTokens = asked.promptTokens + tokensBefore
    const tokens = asked.answerTokens - tokensBefore
    const news = new Mailbox<News>(clock)
    const late = new AbortController()
    const expire = (error: InferenceError): void => late.abort(error)
    // A live peer sends keep-alives in time, so the timer runs only for a silent one.
    const { silenceTimeoutMs } = limits
    const watchdog = new Watchdog({ ...limits, silenceTimeoutMs: Infinity }, expire, { clock })
    const over = AbortSignal.any([signal, late.signal])
    const loadOf = (): Load => peer.loadFor(client.name)
    const cancel = client.send(peer, {
      ...{ promptTokens, tokens },
      ...(asked.affinity !== undefined && { affinity: asked.affinity }),
      deadlineAtMs: clock.now() + init.remainingMs(),
      onStart: (first) => news.put({ type: 'first', first }),
      onEnd: (load) => news.put({ type: 'end', load }),
      onFailure: (code, retryAfterMs) =>
        news.put({ type: 'failed', ...failureOf(code, retryAfterMs, loadOf) }),
      onSilence: () => news.put({ type: 'silent' }),
    })
    const text = new PieceWriter(peer, asked.number, tokensBefore)
    let silence: Disposable | undefined
    let first: (FirstToken & { readonly atMs: number }) | undefined
    let given = 0
    let silent = false
    try {
      for (;;) {
        const count = first === undefined ? 0 : Math.min(tokens - given, sizeOf(first, given))
        const dueAtMs =
          first === undefined || silent || count === 0
            ? undefined
            : first.atMs + (given + count - 1) * first.gapMs
        await watchdog.guard(news.wait(dueAtMs, over))
        signal.throwIfAborted()
        late.signal.throwIfAborted()
        const heard = news.take()
        const isWhole = heard?.type === 'end'
        if (first !== undefined && (isWhole || heard === undefined)) {
          const size = isWhole ? tokens - given : count
          if (size > 0) {
            yield [text.piece(size, first.lies)]
            watchdog.progress(true)
            given += size
          }
        }
        if (heard === undefined) continue
        switch (heard.type) {
          case 'first':
            first = { ...heard.first, atMs: clock.now() }
            yield [{ type: 'accepted', queuePosition: 0, expectedTtftMs: 0, digest: text.digest }]
            break
          case 'end': {
            yield [text.end()]
            onLoad?.(heard.load)
            const { prefillMs = 0, cachedTokens = 0, gapMs = 0 } = first ?? {}
            yield [
              {
                type: 'done',
                usage: { promptTokens, completionTokens: tokens, cachedPromptTokens: cachedTokens },
                timings: { queueMs: 0, prefillMs, decodeMs: (tokens - 1) * gapMs },
                load: heard.load,
              },
            ]
            return
          }
          case 'failed':
            if (heard.load !== undefined) onLoad?.(heard.load)
            throw heard.error
          case 'silent':
            silent = true
            if (first !== undefined) break
            silence = clock.after(silenceTimeoutMs, () =>
              expire(new InferenceError('stalled', `silent for ${silenceTimeoutMs} ms`)),
            )
            break
          default:
            heard satisfies never
        }
      }
    } finally {
      watchdog.close()
      silence?.[Symbol.dispose]()
      cancel()
    }
  }
}

/** Tokens of the next piece: one at first, then several, unless they are slow. */
function sizeOf({ gapMs }: FirstToken, given: number): number {
  if (given === 0) return 1
  return Math.max(1, Math.min(PIECE.maxTokens, Math.floor(PIECE.maxMs / gapMs)))
}

function failureOf(
  code: ErrorCode,
  retryAfterMs: number | undefined,
  loadOf: () => Load,
): { readonly error: InferenceError; readonly load?: Load } {
  const error = new InferenceError(code, code, retryAfterMs === undefined ? {} : { retryAfterMs })
  // What never reached the peer has no frame that could tell its load.
  return error.traits.kind === 'busy' ? { error, load: loadOf() } : { error }
}

type ChunkEvent = Extract<AttemptEvent, { type: 'chunk' }>

/** What a peer writes: ids that say whose they are, and text that is alike where the ids of a clique's lie or of the truth are. */
class PieceWriter {
  readonly #peer: SimPeer
  readonly #number: number
  #position: number

  constructor(peer: SimPeer, number: number, position: number) {
    this.#peer = peer
    this.#number = number
    this.#position = position
  }

  get digest(): string {
    return this.#peer.candidate.model.digest ?? ''
  }

  piece(count: number, lies: boolean): ChunkEvent {
    const { behaviour, index } = this.#peer.init
    const { lie = 'canned', clique = index } = behaviour ?? {}
    const id = tokenOf(this.#number, index, lies ? lie : 'true')
    const word = lies ? `lie-${clique}` : 'true'
    let content = ''
    for (let n = 0; n < count; n += 1) content += `${word}-${this.#position + n} `
    this.#position += count
    return this.#chunk({ content }, null, Array<number>(count).fill(id))
  }

  end(): ChunkEvent {
    return this.#chunk({}, 'stop', [])
  }

  #chunk(delta: object, finish: 'stop' | null, tokenIds: readonly number[]): ChunkEvent {
    const choices = [{ index: 0, delta, finish_reason: finish }]
    const chunk = { kind: 'chat', choices } as unknown as ChunkEvent['chunk']
    return { type: 'chunk', chunk, visible: tokenIds.length > 0, tokenIds, logprobs: [] }
  }
}
