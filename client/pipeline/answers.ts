import { type ChatChunk, type CompletionChunk, defined } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import {
  type Answer,
  assembleChat,
  assembleCompletion,
  assembleEmbeddings,
  type ChatCompletion,
  type Completion,
  chatChunks,
  chatIdentity,
  completionChunks,
  completionIdentity,
  createAnswer,
  type EmbeddingResponse,
  type NormalizeOptions,
  type ServedBy,
  type ServedChunk,
} from '../answer/index.ts'
import {
  type AnswerEvent,
  modelOf,
  type PlacedOptions,
  type RequestEvent,
  type VerifyMode,
  waitsForVerdict,
  wantsUsage,
} from '../request/index.ts'
import type { ActiveRequest } from './active-request.ts'
import type { Call } from './prepare.ts'

export interface AnswersInit {
  readonly begin: (call: Call) => ActiveRequest
  /** Default for calls. */
  readonly verify: VerifyMode
  readonly clock: Pick<Clock, 'wall'>
}

/** The client's calls, with answers in OpenAI's shapes. */
export interface Answers {
  chat(body: object, options?: PlacedOptions): Promise<ChatCompletion>
  streamChat(body: object, options?: PlacedOptions): Answer<ChatChunk>
  complete(body: object, options?: PlacedOptions): Promise<Completion>
  streamCompletion(body: object, options?: PlacedOptions): Answer<CompletionChunk>
  embed(body: object, options?: PlacedOptions): Promise<EmbeddingResponse>
}

export function createAnswers({ begin, verify, clock }: AnswersInit): Answers {
  const whole = async <A extends { readonly peerId: string }>(
    call: Omit<Call, 'restartable'>,
    assemble: (events: AsyncIterable<AnswerEvent>) => Promise<A>,
  ): Promise<Omit<A, 'peerId'> & ServedBy> => {
    const request = begin({ ...call, restartable: true })
    const { peerId, ...answer } = await assemble(request.events())
    if (request.record === undefined) throw new Error('unreachable: an answer has its record')
    return { ...answer, skein: servedBy(request.record, peerId) }
  }

  const streamed = <T>(
    call: Omit<Call, 'restartable'>,
    normalize: (
      events: AsyncIterator<AnswerEvent, void, void>,
      options: NormalizeOptions,
    ) => AsyncGenerator<T & ServedChunk, void, void>,
  ): Answer<T> => {
    const { body, options } = call
    const request = begin({ ...call, restartable: false })
    return createAnswer<T>({
      attempts: request.attempts,
      event: () => request.record,
      begin: (onUsage) => ({
        chunks: normalize(request.events(), {
          includeUsage: wantsUsage(body),
          holdsEnd: waitsForVerdict(options.verify ?? verify),
          onUsage,
        }),
        cancel: () => request.cancel(),
      }),
    })
  }

  return {
    async chat(body, options = {}) {
      const identity = chatIdentity(modelOf(body), clock.wall())
      return await whole({ kind: 'chat', body, options }, (events) =>
        assembleChat(events, identity),
      )
    },
    streamChat(body, options = {}) {
      const identity = chatIdentity(modelOf(body), clock.wall())
      return streamed({ kind: 'chat', body, options }, (events, how) =>
        chatChunks(events, identity, how),
      )
    },
    async complete(body, options = {}) {
      const identity = completionIdentity(modelOf(body), clock.wall())
      return await whole({ kind: 'completion', body, options }, (events) =>
        assembleCompletion(events, identity),
      )
    },
    streamCompletion(body, options = {}) {
      const identity = completionIdentity(modelOf(body), clock.wall())
      return streamed({ kind: 'completion', body, options }, (events, how) =>
        completionChunks(events, identity, how),
      )
    },
    async embed(body, options = {}) {
      return await whole({ kind: 'embedding', body, options }, (events) =>
        assembleEmbeddings(events, modelOf(body)),
      )
    },
  }
}

/** The `skein` field of a whole answer. */
export function servedBy(record: RequestEvent, peerId: string): ServedBy['skein'] {
  const { policy, attempts, resumes, exact, cost, agreement, verification, swarm } = record
  return {
    peerId,
    policy,
    attempts,
    resumes,
    exact,
    cost,
    ...defined({ agreement, verification, swarm }),
  }
}
