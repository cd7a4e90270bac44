import type { TextSource } from './text-source.ts'

/** The text of a body, in parts. */
export type Texts = Pick<TextSource<unknown>, 'cancel' | 'read'>

/** The texts of bodies that were made of them. */
const sources = new WeakMap<ReadableStream, Texts>()

const encoder = new TextEncoder()

/**
 * A streamed answer, as far as a response is needed before its body is read: `new Response(body, streamed)` is a whole one.
 * A server writes the texts themselves, so the web stream of the body is made when it is asked for, and the headers are a
 * plain map, by names in lower case.
 */
export class StreamedResponse implements Pick<Response, 'body' | 'ok' | 'status' | 'statusText'> {
  readonly status = 200
  readonly statusText = ''
  readonly ok = true
  readonly headers: Map<string, string>
  readonly texts: Texts
  #body: ReadableStream<Uint8Array<ArrayBuffer>> | undefined

  constructor(texts: Texts, headers: Map<string, string>) {
    this.texts = texts
    this.headers = headers
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#body ??= bodyOf(this.texts)
    return this.#body
  }
}

/** The texts of a streamed answer, or of a response with its body, to be read instead of the body. Absent for any other. */
export function textsOf(response: Response | StreamedResponse): Texts | undefined {
  if (response instanceof StreamedResponse) return response.texts
  const { body } = response
  return body === null || body.locked ? undefined : sources.get(body)
}

function bodyOf(texts: Texts): ReadableStream<Uint8Array<ArrayBuffer>> {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { text, isLast } = await texts.read()
        if (text !== '') controller.enqueue(encoder.encode(text))
        if (isLast) controller.close()
      },
      cancel: () => texts.cancel(),
    },
    // Nothing is pulled before the reader does.
    { highWaterMark: 0 },
  )
  sources.set(body, texts)
  return body
}
