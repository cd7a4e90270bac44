import { InferenceError } from '../../protocol/index.ts'
import { HttpRefusal } from './http-refusal.ts'

/** Chunks of a body, beyond one for each kilobyte. Each costs as much as hundreds of bytes, however short it is. */
const MAX_SHORT_CHUNKS = 65_536

/**
 * The same request, whose body fails as soon as it exceeds the limit, regardless of its headers, or arrives in too many
 * chunks.
 *
 * @throws HttpRefusal 413, at once if the header says so, else while reading. InferenceError `invalid_request` while
 *   reading, for too many chunks
 */
export function boundedRequest(request: Request, maxBytes: number): Request {
  const announced = request.headers.get('content-length')
  if (Number(announced ?? 0) > maxBytes) throw tooLong(maxBytes)
  // The server enforces the announced length. Looking at the body would cost a stream.
  if (announced !== null) return request
  const { body, headers, method, signal, url } = request
  if (body === null) return request
  let received = 0
  let chunks = 0
  const counted = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        received += bytes.byteLength
        chunks += 1
        if (received > maxBytes) controller.error(tooLong(maxBytes))
        else if (chunks > MAX_SHORT_CHUNKS + received / 1_024) controller.error(tooManyChunks())
        else controller.enqueue(bytes)
      },
    }),
  )
  // `duplex` is required for a body that is a stream, and missing in the DOM's types.
  const init = { method, headers, signal, body: counted, duplex: 'half' }
  return new Request(url, init as RequestInit)
}

function tooLong(maxBytes: number): HttpRefusal {
  return new HttpRefusal('request_too_large', `the body is longer than ${maxBytes} bytes`)
}

function tooManyChunks(): InferenceError {
  return new InferenceError(
    'invalid_request',
    `the body arrives in more than ${MAX_SHORT_CHUNKS} chunks that are shorter than a kilobyte: send it in longer ones`,
  )
}
