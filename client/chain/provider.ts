import { type Backend, createOpenAiBackend, type Fetch } from '../../backend/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import { withoutSecrets } from './without-secrets.ts'
/** A cloud or an engine of the caller's own that speaks OpenAI's API. It is asked directly, never through a peer. */
export interface ProviderInit {
  /** Letters, digits, dots, dashes and underscores. `NAME/MODEL` asks it; model ids that begin so are hidden by it. */
  readonly name: string
  /** As SDKs take it, e.g. `https://api.openai.com/v1`. Without a path, `/v1` is added. */
  readonly baseUrl: string
  /** Sent as a bearer token to `baseUrl` and nowhere else; in no error, event or log. */
  readonly apiKey?: string
  /** Models by which it takes part in requests for plain ids; the first in `auto`. @default none: only `NAME/MODEL` reaches it */
  readonly models?: readonly string[]
  /** Before or after the network. @default last: what others share for free comes first */
  readonly place?: 'first' | 'last'
  /** Sent with every request to it, as secret as the key. */
  readonly headers?: Readonly<Record<string, string>>
  /** @default the global `fetch` */
  readonly fetch?: Fetch
}

/** A provider at work. */
export interface Provider {
  readonly name: string
  readonly models?: readonly string[]
  readonly place: 'first' | 'last'
  readonly backend: Backend
  /** The failure as it may be told: it names the provider, and holds no secret of it. */
  readonly failure: (error: InferenceError) => InferenceError
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/
const MAX_PROVIDERS = 16
/** The backend's own deadlines stand back: a request's are the tighter ones, and can be chosen. */
const BACKEND_TIMEOUT_MS = 3_600_000

/** @throws InferenceError `invalid_request`, which shows nothing of a key */
export function createProviders(inits: readonly ProviderInit[]): readonly Provider[] {
  if (inits.length > MAX_PROVIDERS) throw refused(`at most ${MAX_PROVIDERS} providers`)
  const providers = inits.map(createProvider)
  const names = providers.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw refused(`two providers are called '${twice}'`)
  return providers
}

function createProvider(init: ProviderInit): Provider {
  const { models, place = 'last', baseUrl, apiKey, headers = {}, fetch } = init
  const name = init.name.toLowerCase()
  if (!NAME.test(name) || name === 'auto') {
    throw refused(`'${init.name}' cannot be a provider's name: letters, digits and . _ - can`)
  }
  if (place !== 'first' && place !== 'last') throw refused(`${name}: place is first or last`)
  checkUrl(name, baseUrl)
  checkHeaders(name, { ...headers, ...(apiKey !== undefined && { authorization: apiKey }) })
  const secrets = [...(apiKey === undefined ? [] : [apiKey]), ...Object.values(headers)]
  return {
    name,
    ...(models !== undefined && { models }),
    place,
    backend: createOpenAiBackend({
      baseUrl,
      apiKey,
      headers,
      fetch,
      assumed: true,
      firstRecordTimeoutMs: BACKEND_TIMEOUT_MS,
      gapTimeoutMs: BACKEND_TIMEOUT_MS,
    }),
    failure: (error) => told(name, error, secrets),
  }
}

/** Made anew: what caused it may hold the request as it was sent, key and all. */
function told(name: string, error: InferenceError, secrets: readonly string[]): InferenceError {
  const { code, message, retryAfterMs, details } = error
  const { promptTokens, contextLength } = error.detailsOf('context_too_long')
  const { param } = details
  return new InferenceError(code, `provider ${name}: ${withoutSecrets(message, secrets)}`, {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    details: {
      ...(param !== undefined && { param: withoutSecrets(param, secrets) }),
      ...(promptTokens !== undefined && { promptTokens }),
      ...(contextLength !== undefined && { contextLength }),
    },
  })
}

function checkUrl(name: string, baseUrl: string): void {
  const url = URL.parse(baseUrl)
  const isPlain = url !== null && url.username === '' && url.search === '' && url.hash === ''
  if (isPlain && (url.protocol === 'https:' || url.protocol === 'http:')) return
  throw refused(
    `${name}: its address has to be an http or https URL without user, query and fragment`,
  )
}

function checkHeaders(name: string, headers: Readonly<Record<string, string>>): void {
  try {
    new Headers(headers)
  } catch {
    // What the platform says of it shows the value.
    throw refused(`${name}: its key or a header of it has characters that no header can hold`)
  }
}

function refused(message: string): InferenceError {
  return new InferenceError('invalid_request', message, { details: { param: 'providers' } })
}
