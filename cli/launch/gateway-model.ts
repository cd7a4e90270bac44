import { plainLine } from '../../protocol/index.ts'
import { UsageError } from '../usage-error.ts'

/** The gateway answers from memory. */
const ANSWER_TIMEOUT_MS = 10_000

export interface GatewayQuery {
  /** Without `/v1`. */
  readonly url: string
  readonly key: string
  /** The model asked for. @default the only one that the gateway lists */
  readonly model?: string | undefined
  readonly signal: AbortSignal
}

/** The model to use at a gateway. @throws UsageError if no gateway answers, or the model is not clear */
export async function gatewayModel({ url, key, model, signal }: GatewayQuery): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)])
  const headers = { authorization: `Bearer ${key}` }
  const response = await fetch(`${url}/v1/models`, { headers, signal: limit }).catch(
    (cause: unknown) => {
      signal.throwIfAborted()
      throw new UsageError(
        `no gateway answers at ${url}: start one with \`skein up\`, or give --url`,
        {
          cause,
        },
      )
    },
  )
  if (!response.ok) {
    const why = response.status === 401 ? 'it wants an API key: give --key' : `it is no gateway`
    throw new UsageError(`${url} answered with ${response.status}: ${why}`)
  }
  if (model !== undefined) return model
  const { data = [] } = (await response.json()) as { readonly data?: readonly { id?: unknown }[] }
  const ids = data.flatMap(({ id }) => (typeof id === 'string' ? [id] : []))
  const [only] = ids
  if (ids.length === 1 && only !== undefined) return only
  const listed = ids.slice(0, 20).map(plainLine).join(', ')
  throw new UsageError(
    ids.length === 0
      ? `the gateway at ${url} lists no model yet; give --model to use one anyway`
      : `give --model: the gateway at ${url} lists ${listed}`,
  )
}
