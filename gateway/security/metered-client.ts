import type { Answer, RequestOptions, ServedChunk } from '../../client/index.ts'
import { openedLater, tapped } from '../../timing/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { answerTokensOf, mayHaveCost, promptTokensOf, tokensFor, tokensIn } from '../usage/index.ts'
import { type Asked, answerOver, wrappedClient } from '../wrapped-client.ts'
import type { RateLimit, Reservation } from './rate-limit.ts'

/**
 * The same client with the tokens of its answers charged to their callers' limits. Tokens are reserved before a request
 * is sent, so that requests sent together pass no limit by more than they do not announce, and charged as they are delivered, so that an answer
 * that is broken off costs what was delivered. The usage, once known, replaces both. Batches charge their own.
 */
export function meteredClient(
  client: GatewayClient,
  meter: Pick<RateLimit, 'reserve'>,
): GatewayClient {
  return wrappedClient(client, {
    async whole({ kind, request, options, caller }, ask) {
      const reserved = meter.reserve(caller, () => tokensFor(kind, request))
      try {
        const answer = await ask(options)
        reserved?.charge(answer.usage.total_tokens)
        return answer
      } catch (error) {
        // How much was written for a caller that did not wait is not known: the reservation stays.
        if (!mayHaveCost(error, options)) reserved?.charge(0)
        throw error
      }
    },
    streamed<T>(
      { kind, request, options, caller }: Asked,
      ask: (options: RequestOptions) => Answer<T>,
    ) {
      let answer: Answer<T> | undefined
      const asked = (): Answer<T> => {
        answer = ask(options)
        return answer
      }
      const open = (): AsyncIterator<T & ServedChunk> => {
        let prompt = 0
        let least = 0
        const reserved = meter.reserve(caller, () => {
          prompt = promptTokensOf(kind, request)
          least = prompt + answerTokensOf(kind, request)
          return least
        })
        if (reserved === undefined) return asked()[Symbol.asyncIterator]()
        return charged(asked, { options, prompt, least, reserved })
      }
      return answerOver(
        () => openedLater(open),
        () => answer,
      )
    },
  })
}

interface Charge extends Pick<Asked, 'options'> {
  /** Tokens of the prompt. */
  readonly prompt: number
  /** Tokens that were reserved. */
  readonly least: number
  readonly reserved: Reservation
}

/** The chunks of an answer, charged as they are delivered. */
function charged<T>(
  ask: () => Answer<T>,
  { options, prompt, least, reserved }: Charge,
): AsyncIterator<T & ServedChunk> {
  let answer: Answer<T> | undefined
  let delivered = 0
  let hasFailed = false
  // A caller that leaves before the first piece has had the prompt read.
  const owed = (): number => (hasFailed && delivered === 0 ? 0 : prompt + delivered)
  const settle = (): void => reserved.charge(answer?.usage?.total_tokens ?? owed())
  try {
    answer = ask()
  } catch (error) {
    hasFailed = !mayHaveCost(error, options)
    settle()
    throw error
  }
  return tapped(answer[Symbol.asyncIterator](), {
    value: (chunk) => {
      delivered += tokensIn(chunk)
      if (prompt + delivered > least) reserved.charge(prompt + delivered)
    },
    failed: (error) => {
      hasFailed = !mayHaveCost(error, options)
      return error
    },
    ended: settle,
  })
}
