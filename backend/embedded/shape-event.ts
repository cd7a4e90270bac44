import { InferenceError, type InferenceRequest } from '../../protocol/index.ts'
import type { BackendEvent } from '../backend.ts'
import { wantsLogprobs } from '../request-fields.ts'
import type { PrefillEvent, RequestEvent } from './messages.ts'
import { ChunkShaper, embeddingChunk, scoreChunk } from './shape-chunk.ts'

/** Whether no more events of the request follow. */
export function endsRequest(event: RequestEvent): boolean {
  return event.type === 'done' || event.type === 'failed' || event.type === 'cancelled'
}

type AnswerEvent = Exclude<RequestEvent, PrefillEvent>

/** Shapes the events of the engine process as those of a backend. The function throws for a failure. */
export function shaperOf(
  request: InferenceRequest,
  model: string,
): (event: AnswerEvent) => BackendEvent {
  const chunks =
    request.kind === 'embedding' || request.kind === 'score'
      ? undefined
      : new ChunkShaper(request.kind, model, wantsLogprobs(request))
  return (event) => {
    switch (event.type) {
      case 'text':
        if (chunks === undefined)
          throw new InferenceError('internal', 'text for a request without one')
        return chunks.shape(event)
      case 'embedding':
        return embeddingChunk(event)
      case 'score':
        return scoreChunk(event)
      case 'done':
        return { type: 'done', usage: event.usage, timings: event.timings }
      case 'failed':
        throw new InferenceError(event.code, event.message, { details: event.details })
      case 'cancelled':
        throw new InferenceError('engine_failed', 'the engine stopped without being asked to')
      default:
        return event satisfies never
    }
  }
}
