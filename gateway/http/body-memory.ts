import { isAscii } from 'node:buffer'
import {
  ByteBudget,
  type Claim,
  type JsonShape,
  parsedBytes,
  readingBytes,
  SMALL_CLAIM_BYTES,
} from '../../protocol/index.ts'
import type { BodyMemory } from '../context.ts'

/** Streamed answers keep their request in memory until the end. */
const STREAMED = /^(text\/event-stream|application\/x-ndjson)/

/**
 * Bounds the memory of all bodies together, the values parsed from them included, from their first byte to the end of
 * the answer, with a share for each caller. What costs little is bounded by the number of connections.
 *
 * @returns opens the memory of one request
 */
export function bodyMemory(maxBytes: number): (requestId: string, caller: string) => BodyMemory {
  const budget = new ByteBudget(maxBytes)
  return (peer, network) => new RequestMemory(() => budget.claim({ peer, network }))
}

class RequestMemory implements BodyMemory {
  readonly #open: () => Claim
  /** Absent while the body costs little. */
  #claim: Claim | undefined
  #heldBytes = 0
  #isWide: boolean = false
  #arrived: JsonShape | undefined

  constructor(open: () => Claim) {
    this.#open = open
  }

  charge(shape: JsonShape, piece: Uint8Array): void {
    this.#isWide ||= !isAscii(piece)
    this.#arrived = shape
    const cost = readingBytes(shape, this.#isWide)
    if (cost <= SMALL_CLAIM_BYTES) return
    this.#claim ??= this.#open()
    this.#claim.grow(cost - this.#heldBytes)
    this.#heldBytes = cost
  }

  answered(response: Response): Response {
    const claim = this.#claim
    if (claim === undefined) return response
    const { body, headers } = response
    if (body === null || !STREAMED.test(headers.get('content-type') ?? '')) {
      claim.release()
      return response
    }
    if (this.#arrived !== undefined) {
      claim.shrink(this.#heldBytes - sentBytes(this.#arrived, this.#isWide))
    }
    return new Response(thenRun(body, claim.release), response)
  }
}

/** Memory of a body that was sent: the values and the bytes, in case that another peer has to go on. */
function sentBytes(shape: JsonShape, isWide: boolean): number {
  return parsedBytes(shape) + shape.bytes * (isWide ? 2 : 1)
}

/** The same bytes; `run` is called when they end, fail or are cancelled. */
function thenRun(body: ReadableStream<Uint8Array>, run: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          run()
          controller.close()
        } catch (error) {
          run()
          throw error
        }
      },
      async cancel(reason) {
        run()
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
