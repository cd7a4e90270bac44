import type { Answer, RequestOptions } from '../client/index.ts'
import { InferenceError, normalizeModelId } from '../protocol/index.ts'
import type { GatewayClient } from './gateway-client.ts'
import type { LocalModels } from './local-models.ts'
import { type Asked, answerOver, wrappedClient } from './wrapped-client.ts'

/** The same client, which says why a model that no peer serves cannot be loaded on this machine, if it has it. */
export function explainedClient(
  client: GatewayClient,
  local: Pick<LocalModels, 'list'>,
): GatewayClient {
  return wrappedClient(client, {
    async whole({ request, options }, ask) {
      try {
        return await ask(options)
      } catch (error) {
        throw await explained(error, request, local)
      }
    },
    streamed<T>({ request, options }: Asked, ask: (options: RequestOptions) => Answer<T>) {
      const answer = ask(options)
      const explain = async (error: unknown): Promise<never> => {
        throw await explained(error, request, local)
      }
      return answerOver(
        () => explainedChunks(answer[Symbol.asyncIterator](), explain),
        () => answer,
      )
    },
  })
}

/** The same chunks. A generator would add several promises to each. */
function explainedChunks<T>(
  chunks: AsyncIterator<T>,
  explain: (error: unknown) => Promise<never>,
): AsyncIterator<T> {
  return {
    next: () => chunks.next().catch(explain),
    async return() {
      await chunks.return?.()
      return { done: true, value: undefined }
    },
  }
}

async function explained(
  error: unknown,
  request: object,
  local: Pick<LocalModels, 'list'>,
): Promise<unknown> {
  const { model } = request as { readonly model?: unknown }
  const isAbsent =
    InferenceError.is(error, 'model_not_found') || InferenceError.is(error, 'no_peers')
  if (!isAbsent || typeof model !== 'string') return error
  const wanted = normalizeModelId(model)
  // The error stands without a list.
  const models = await local.list().catch(() => [])
  const isNamed = (name: string): boolean => normalizeModelId(name) === wanted
  const found = models.find(
    ({ id, name, refusal }) => refusal !== undefined && (isNamed(id) || isNamed(name)),
  )
  if (found?.refusal === undefined || error.message.includes(found.refusal)) return error
  return new InferenceError(error.code, `${error.message}. On this machine ${found.refusal}`, {
    cause: error,
    details: error.details,
  })
}
