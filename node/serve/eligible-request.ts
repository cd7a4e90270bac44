import type { BackendModel } from '../../backend/index.ts'
import {
  type ChatRequest,
  type Claim,
  type CompletionRequest,
  type Head,
  InferenceError,
  type InferenceRequest,
  type JsonShape,
  parsedBytes,
  parseRequest,
  readingBytes,
  requestJson,
  requirementsOf,
  type ScoreRequest,
} from '../../protocol/index.ts'
import { type Clock, nextTurn } from '../../timing/index.ts'

export interface Eligibility {
  readonly model: BackendModel
  /** 0: no bound. */
  readonly maxTokens: number
  /** Reserves the memory that reading the request takes beyond its bytes. */
  readonly memory: Pick<Claim, 'grow' | 'shrink'>
  readonly clock: Pick<Clock, 'after'>
  /** Of the bytes, counted as they arrived. */
  readonly shape: JsonShape
  /** Whether a byte is beyond ASCII. */
  readonly isWide: boolean
}

/**
 * Reads a request and makes it fit for the model's engine: allow-listed fields only, the engine's name of the
 * model, no more tokens than the operator allows. A large request is read in several turns of the loop.
 *
 * @throws InferenceError `invalid_request`, `capability_unavailable`, `not_resumable`, `over_capacity`
 */
export async function eligibleRequest(
  head: Head,
  bytes: Uint8Array,
  { model, maxTokens, memory, clock, shape, isWide }: Eligibility,
): Promise<InferenceRequest> {
  const takenBytes = readingBytes(shape, isWide) - shape.bytes
  memory.grow(takenBytes)
  await nextTurn(bytes.length, clock)
  const body = requestJson(bytes)
  await nextTurn(bytes.length, clock)
  const request = parseRequest(head.kind, body)
  // The text is not needed any longer.
  memory.shrink(takenBytes - parsedBytes(shape))
  await nextTurn(bytes.length, clock)
  const { capabilities, fields } = requirementsOf(request)
  const lacking =
    capabilities.find((name) => !model.capabilities.includes(name)) ??
    fields.find((name) => !model.fields.includes(name))
  if (lacking !== undefined) {
    throw new InferenceError(
      'capability_unavailable',
      `'${model.id}' on this node does not offer '${lacking}'`,
      { details: { param: lacking } },
    )
  }
  if (head.resume !== undefined && model.resume === 'none') {
    throw new InferenceError('not_resumable', `'${model.id}' on this node cannot resume an answer`)
  }
  switch (request.kind) {
    case 'chat': {
      const body: ChatRequest = { ...request.body, model: model.id }
      return { kind: 'chat', body: capTokens(body, maxTokens) }
    }
    case 'completion': {
      const body: CompletionRequest = { ...request.body, model: model.id }
      return { kind: 'completion', body: capTokens(body, maxTokens) }
    }
    case 'embedding':
      return { kind: 'embedding', body: { ...request.body, model: model.id } }
    case 'score': {
      const { kind, body } = request.body.request
      const asked = { kind, body: { ...body, model: model.id } } as ScoreRequest['request']
      return { kind: 'score', body: { ...request.body, model: model.id, request: asked } }
    }
    default:
      return request satisfies never
  }
}

function capTokens<
  T extends { readonly max_tokens?: number | null; readonly max_completion_tokens?: number | null },
>(body: T, maxTokens: number): T {
  if (maxTokens <= 0) return body
  const asked = body.max_completion_tokens ?? body.max_tokens ?? maxTokens
  const given = Math.min(asked, maxTokens)
  const { max_completion_tokens: newName } = body
  return newName === undefined || newName === null
    ? { ...body, max_tokens: given }
    : { ...body, max_tokens: given, max_completion_tokens: given }
}
