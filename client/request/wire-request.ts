import {
  embeddingInputs,
  InferenceError,
  type InferenceRequest,
  LIMITS,
} from '../../protocol/index.ts'
import { type AnswerForm, answerFormOf } from './answer-form.ts'

/** A validated request as it travels, with what the answer is checked against. */
export interface WireRequest {
  readonly kind: InferenceRequest['kind']
  /** As the caller named it, a digest to pin included. */
  readonly model: string
  /** The digest that the caller insists on, or its beginning. */
  readonly digest?: string
  readonly body: Uint8Array
  /** Answers asked for; each must finish. Embeddings: 0. */
  readonly choices: number
  /** Embeddings asked for. Other kinds: 0. */
  readonly inputs: number
  /** Of an answer to rate: places and token ids, in their order. */
  readonly rated?: readonly (readonly [position: number, id: number | undefined])[]
  /** The form that the answer may have; absent where it is no text. */
  readonly form?: AnswerForm
  /** Embeddings: numbers in each, where the caller asked for so many. */
  readonly dimensions?: number
}

/** The request with its pin spelt out, so that a peer is held to the whole digest, not to the beginning that was typed. */
export function withWholeDigest(wire: WireRequest, digest: string | undefined): WireRequest {
  if (wire.digest === undefined || digest === undefined || wire.digest === digest) return wire
  const id = wire.model.slice(0, wire.model.indexOf('@sha256:'))
  return { ...wire, model: `${id}@${digest}`, digest }
}

/** @throws InferenceError `invalid_request` where the request is no JSON, or larger than any node takes. */
export function encodeRequest(request: InferenceRequest, digest?: string): WireRequest {
  const body = new TextEncoder().encode(jsonOf(request.body))
  if (body.length > LIMITS.maxRequestBytes) {
    throw new InferenceError(
      'invalid_request',
      `the request has ${body.length} bytes, ${LIMITS.maxRequestBytes} are allowed`,
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

/** A JSON schema may hold any value, so one that JSON cannot say too. */
function jsonOf(body: InferenceRequest['body']): string {
  try {
    return JSON.stringify(body)
  } catch (cause) {
    throw new InferenceError('invalid_request', 'the request cannot be written as JSON', { cause })
  }
}
