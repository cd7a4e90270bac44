import { InferenceError } from '../../protocol/index.ts'

/**
 * The same request, whose body fails as soon as it is longer than allowed, whatever its headers say.
 *
 * @throws InferenceError `invalid_request`, at once where the header says so, else while it is read
 */
export function boundedRequest(request: Request, maxBytes: number): Request {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLong(maxBytes)
  if (request.body === null) return request
  let received = 0
  const counted = request.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        received += bytes.byteLength
        if (received > maxBytes) controller.error(tooLong(maxBytes))
        else controller.enqueue(bytes)
      },
    }),
  )
  // `duplex` is required for a body that is a stream, and missing in the DOM's types.
  return new Request(request, { body: counted, duplex: 'half' } as RequestInit)
}

function tooLong(maxBytes: number): InferenceError {
  return new InferenceError('invalid_request', `the body is longer than ${maxBytes} bytes`)
}
