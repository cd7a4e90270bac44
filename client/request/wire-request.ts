import {
  embeddingInputs,
  InferenceError,
  type InferenceRequest,
  LIMITS,
} from '../../protocol/index.ts'
import { type AnswerForm, answerFormOf } from './answer-form.ts'

/** A validated request as it is sent, and what its answer is checked against. */
export interface WireRequest {
  readonly kind: InferenceRequest['kind']
  /** As the caller named it, including a pinned digest. */
  readonly model: string
  /** The digest that the caller pinned, or a prefix of it. */
  readonly digest?: string
  readonly body: Uint8Array
  /** Requested choices, each of which must finish. Embeddings: 0. */
  readonly choices: number
  /** Requested embeddings. Other kinds: 0. */
  readonly inputs: number
  /** Positions and token ids to rate, in order. Only for `score`. */
  readonly rated?: readonly (readonly [position: number, id: number | undefined])[]
  /** The form that the answer must have; absent for answers that are not text. */
  readonly form?: AnswerForm
  /** Length of each embedding, if the caller set it. */
  readonly dimensions?: number
}

/** Replaces a pinned prefix by the whole digest, so that the peer is held to all of it. */
export function withWholeDigest(wire: WireRequest, digest: string | undefined): WireRequest {
  if (wire.digest === undefined || digest === undefined || wire.digest === digest) return wire
  const id = wire.model.slice(0, wire.model.indexOf('@sha256:'))
  return { ...wire, model: `${id}@${digest}`, digest }
}

/** @throws InferenceError `invalid_request` if JSON cannot represent the request, or it exceeds the size limit */
export function encodeRequest(request: InferenceRequest, digest?: string): WireRequest {
  const body = new TextEncoder().encode(jsonOf(request.body))
  if (body.length > LIMITS.maxRequestBytes) {
    throw new InferenceError(
      'invalid_request',
      `the request has ${body.length} bytes; at most ${LIMITS.maxRequestBytes} are allowed`,
    )
  }
  const common = {
    kind: request.kind,
    model: request.body.model,
    body,
    ...(digest !== undefined && { digest }),
  }
  if (request.kind === 'score') {
    const { completion, positions } = request.body
    const rated = positions ?? completion.map((_, at) => at)
    return { ...common, choices: 0, inputs: 0, rated: rated.map((at) => [at, completion[at]]) }
  }
  if (request.kind !== 'embedding') {
    const form = answerFormOf(request)
    return {
      ...common,
      choices: request.body.n ?? 1,
      inputs: 0,
      ...(form !== undefined && { form }),
    }
  }
  const { input, dimensions } = request.body
  return {
    ...common,
    choices: 0,
    inputs: embeddingInputs(input).length,
    ...(typeof dimensions === 'number' && { dimensions }),
  }
}

/** A JSON schema may hold any value, including some that JSON cannot represent. */
function jsonOf(body: InferenceRequest['body']): string {
  try {
    return JSON.stringify(body)
  } catch (cause) {
    throw new InferenceError('invalid_request', 'the request cannot be encoded as JSON', { cause })
  }
}
