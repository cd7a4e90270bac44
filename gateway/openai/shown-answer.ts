import { toString as encode } from 'uint8arrays/to-string'
import type { ChatCompletion, Completion, EmbeddingResponse } from '../../client/index.ts'
import { withoutSkein } from '../answering/index.ts'
import { inOpenAiShape } from './logprobs.ts'

/** A whole answer in OpenAI's format, as the request asks for it. */
export function shownAnswer(
  answer: ChatCompletion | Completion | EmbeddingResponse,
  request: object,
): object {
  const { encoding_format } = request as { readonly encoding_format?: unknown }
  if (answer.object !== 'list') return inOpenAiShape(withoutSkein(answer))
  const { data, ...rest } = withoutSkein(answer)
  if (encoding_format !== 'base64') return { ...rest, data }
  return { ...rest, data: data.map((item) => ({ ...item, embedding: base64(item.embedding) })) }
}

/** 32-bit floats in little-endian order, as OpenAI's clients expect. */
function base64(numbers: readonly number[]): string {
  const view = new DataView(new ArrayBuffer(numbers.length * 4))
  numbers.forEach((value, index) => {
    view.setFloat32(index * 4, value, true)
  })
  return encode(new Uint8Array(view.buffer), 'base64pad')
}
