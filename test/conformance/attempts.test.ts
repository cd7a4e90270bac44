import { streamPair } from '@libp2p/utils'
import type { Backend, BackendEvent } from '../../backend/index.ts'
import { createPeerAttempt } from '../../client/attempt/index.ts'
import { createProviderAttempt } from '../../client/chain/provider-attempt.ts'
import { InferenceError, type NodeFrame } from '../../protocol/index.ts'
import {
  accepted,
  type Behaviour,
  chatDelta,
  chatFrames,
  hangsAfter,
  newPeerId,
  refuses,
  resetsAfter,
  says,
} from '../../testing/swarms/client-peers.ts'
import { type AttemptScript, attemptSuite, REQUEST, type SourceUnderTest } from './attempt-suite.ts'

attemptSuite('a peer over the wire', overTheWire())
attemptSuite('a provider', overABackend())

function overTheWire(): SourceUnderTest {
  let stopped: Promise<unknown> = Promise.resolve()
  return {
    breaks: 'stream_reset',
    async create(script, clock) {
      const peerId = await newPeerId()
      const connect = async () => {
        const [outbound, inbound] = await streamPair()
        stopped = behaviourOf(script)(inbound).catch(() => {})
        return outbound
      }
      const attempt = createPeerAttempt({ connect, clock })
      return (init, options) => attempt({ ...init, peerId }, options)
    },
    async stopped() {
      await stopped
    },
  }
}

function behaviourOf({ words, finally: ends }: AttemptScript): Behaviour {
  const frames: NodeFrame[] = words.map((content, at) => chatDelta(at, { content }))
  switch (ends) {
    case 'done':
      return says(...chatFrames(words))
    case 'hang':
      return hangsAfter(...(words.length > 0 ? [accepted, ...frames] : []))
    case 'break':
      return resetsAfter(accepted, ...frames)
    case 'end':
      return says(accepted, ...frames)
    case 'fail':
      return refuses('over_capacity')
    default:
      return ends satisfies never
  }
}

function overABackend(): SourceUnderTest {
  let stopped = Promise.withResolvers<void>()
  return {
    breaks: 'engine_failed',
    async create({ words, finally: ends }, clock) {
      stopped = Promise.withResolvers()
      const { resolve } = stopped
      async function* infer(
        _request: unknown,
        { signal }: { readonly signal: AbortSignal },
      ): AsyncGenerator<BackendEvent> {
        try {
          for (const content of words) yield chunk({ content }, null)
          if (ends === 'end') return
          if (ends === 'break') throw new Error('the socket broke')
          if (ends === 'fail') throw new InferenceError('over_capacity', 'scripted')
          if (ends === 'hang') {
            await new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason), { once: true })
              if (signal.aborted) reject(signal.reason)
            })
          }
          yield chunk({}, 'stop')
          yield {
            type: 'done',
            usage: { promptTokens: 5, completionTokens: 2, cachedPromptTokens: 0 },
            timings: { prefillMs: 1, decodeMs: 1 },
          } as BackendEvent
        } finally {
          resolve()
        }
      }
      const backend = { infer } as unknown as Backend
      return createProviderAttempt({ provider: { backend }, request: REQUEST, hops: 0, clock })
    },
    stopped: () => stopped.promise,
  }
}

function chunk(delta: object, finish: 'stop' | null): BackendEvent {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  const json = { id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices }
  return { type: 'chunk', json, tokenIds: [], logprobs: [] } as BackendEvent
}
