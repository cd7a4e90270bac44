import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { BatchRequest, BatchResult } from '../../client/index.ts'
import { InferenceError, measureJson } from '../../protocol/index.ts'
import { errorBody } from '../http/index.ts'
import { shownAnswer } from '../openai/index.ts'

/** Endpoints that a batch may be for. */
export const BATCH_ENDPOINTS: Readonly<Record<string, BatchRequest['kind']>> = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completion',
  '/v1/embeddings': 'embedding',
}

const schema = z.object({
  custom_id: z.string().min(1).max(512),
  method: z.literal('POST'),
  url: z.enum(Object.keys(BATCH_ENDPOINTS)),
  body: z.record(z.string(), z.unknown()),
})

/**
 * One line of a batch file, in OpenAI's form: `{"custom_id", "method": "POST", "url", "body"}`. The body itself is
 * validated when the request runs.
 *
 * @param endpoint that all lines must be for. @default any that a batch may be for
 * @throws InferenceError `invalid_request` with the field at fault
 */
export function readBatchLine(text: string, endpoint?: string): BatchRequest {
  let line: unknown
  measureJson(Buffer.from(text))
  try {
    line = JSON.parse(text)
  } catch (cause) {
    throw new InferenceError('invalid_request', 'the line is not JSON', { cause })
  }
  const parsed = schema.safeParse(line)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalid(issue?.message ?? 'invalid', issue?.path.map(String).join('.') ?? '')
  }
  const { custom_id, url, body } = parsed.data
  if (endpoint !== undefined && url !== endpoint) {
    throw invalid(`this batch is for ${endpoint}`, 'url')
  }
  const { stream } = body as { readonly stream?: unknown }
  if (stream === true) throw invalid('requests of a batch cannot be streamed', 'body.stream')
  const kind = BATCH_ENDPOINTS[url]
  // Each is validated by its endpoint when it runs.
  return { id: custom_id, kind, body } as unknown as BatchRequest
}

/** A request without a result because the batch ended first. */
export type BatchEnd = 'batch_cancelled' | 'batch_expired'

/** One line of a batch's results, in OpenAI's form. */
export function batchResultLine({ id, request, answer, error }: BatchResult): string {
  const response =
    answer === undefined
      ? { status_code: error.traits.status, body: errorBody(error) }
      : { status_code: 200, body: shownAnswer(answer, request.body) }
  const request_id = `req_${randomBytes(12).toString('hex')}`
  return lineOf(id, { response: { ...response, request_id }, error: null })
}

/** The result line of a request not answered before the batch ended. */
export function unansweredLine(id: string, code: BatchEnd): string {
  const message = code === 'batch_expired' ? 'the batch expired' : 'the batch was cancelled'
  return lineOf(id, { response: null, error: { code, message } })
}

function lineOf(customId: string, result: object): string {
  const id = `batch_req_${randomBytes(12).toString('hex')}`
  return `${JSON.stringify({ id, custom_id: customId, ...result })}\n`
}

function invalid(message: string, param: string): InferenceError {
  return new InferenceError('invalid_request', param === '' ? message : `${param}: ${message}`, {
    details: { param },
  })
}
