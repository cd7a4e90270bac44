import { HttpRefusal } from './http-refusal.ts'

/**
 * The same request, whose body fails as soon as it exceeds the limit, regardless of its headers.
 *
 * @throws HttpRefusal 413, at once if the header says so, else while reading
 */
export function boundedRequest(request: Request, maxBytes: number): Request {
  const announced = request.headers.get('content-length')
  if (Number(announced ?? 0) > maxBytes) throw tooLong(maxBytes)
  // The server enforces the announced length. Looking at the body would cost a stream.
  if (announced !== null) return request
  const { body, headers, method, signal, url } = request
  if (body === null) return request
  let received = 0
  const counted = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        received += bytes.byteLength
        if (received > maxBytes) controller.error(tooLong(maxBytes))
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
