import {
  type Backend,
  CONTINUE_BY,
  type ContinueBy,
  createOpenAiBackend,
  DECLARED_FORMS,
  declaredContinuation,
  type Fetch,
} from '../../backend/index.ts'
import { defined, InferenceError, type ResumeForm } from '../../protocol/index.ts'
import { withoutSecrets } from './without-secrets.ts'

/** A cloud or an engine of the caller's own that speaks OpenAI's API. Called directly, never through a peer. */
export interface ProviderInit {
  /** Letters, digits, dots, dashes and underscores. `NAME/MODEL` refers to its models and hides model ids with that prefix. */
  readonly name: string
  /** As in OpenAI's SDKs, e.g. `https://api.openai.com/v1`. `/v1` is added if there is no path. */
  readonly baseUrl: string
  /** Sent as a bearer token to `baseUrl` only; never part of an error, event or log. */
  readonly apiKey?: string
  /** Plain model ids for which the provider is asked; the first one also for `auto`. @default none: only `NAME/MODEL` reaches it */
  readonly models?: readonly string[]
  /** Whether it is asked before or after the network. @default last: peers are free */
  readonly place?: 'first' | 'last'
  /**
   * How it is asked to continue an answer that broke off. `final-message`: by a final assistant message; `prefix` and
   * `partial`: by that message with this field set to true; `none`: never.
   * @default as its documentation says, for Anthropic, DeepSeek, Mistral, Moonshot, OpenRouter and Qwen; else `none`
   */
  readonly continues?: ContinueBy
  /** Sent with every request; treated as secret, like the key. */
  readonly headers?: Readonly<Record<string, string>>
  /** @default the global `fetch` */
  readonly fetch?: Fetch
}

/** A configured provider. */
export interface Provider {
  readonly name: string
  readonly models?: readonly string[] | undefined
  readonly place: 'first' | 'last'
  readonly backend: Backend
  /** Whether it continues an answer of these forms from its text. */
  readonly continues: (model: string, forms: readonly ResumeForm[]) => boolean
  /** Rewrites an error so that it names the provider and contains no secret. */
  readonly failure: (error: InferenceError) => InferenceError
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/
const MAX_PROVIDERS = 16
/** Effectively disables the backend's deadlines: those of the request are tighter, and configurable. */
const BACKEND_TIMEOUT_MS = 3_600_000

/** @throws InferenceError `invalid_request`, without any part of a key */
export function createProviders(inits: readonly ProviderInit[]): readonly Provider[] {
  if (inits.length > MAX_PROVIDERS) throw refused(`at most ${MAX_PROVIDERS} providers are allowed`)
  const providers = inits.map(createProvider)
  const names = providers.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw refused(`two providers are named '${twice}'`)
  return providers
}

function createProvider(init: ProviderInit): Provider {
  const { models, place = 'last', baseUrl, apiKey, headers = {}, fetch, continues } = init
  const name = init.name.toLowerCase()
  if (!NAME.test(name) || name === 'auto') {
    throw refused(
      `'${init.name}' is not a valid provider name: use letters, digits, '.', '_' and '-', but not 'auto'`,
    )
  }
  if (place !== 'first' && place !== 'last') throw refused(`${name}: place must be first or last`)
  if (continues !== undefined && !CONTINUE_BY.includes(continues)) {
    throw refused(`${name}: continues must be one of ${CONTINUE_BY.join(', ')}`)
  }
  checkUrl(name, baseUrl)
  checkHeaders(name, { ...headers, ...(apiKey !== undefined && { authorization: apiKey }) })
  const secrets = [...(apiKey === undefined ? [] : [apiKey]), ...Object.values(headers)]
  return {
    name,
    models,
    place,
    backend: createOpenAiBackend({
      baseUrl,
      apiKey,
      headers,
      fetch,
      assumed: true,
      continues,
      firstRecordTimeoutMs: BACKEND_TIMEOUT_MS,
      gapTimeoutMs: BACKEND_TIMEOUT_MS,
    }),
    continues: (model, forms) =>
      declaredContinuation(baseUrl, model, continues) !== undefined &&
      forms.every((form) => DECLARED_FORMS.includes(form)),
    failure: (error) => publicError(name, error, secrets),
  }
}

/** A new error without the cause, which may contain the request that was sent, with the key. */
function publicError(
  name: string,
  error: InferenceError,
  secrets: readonly string[],
): InferenceError {
  const { code, message, retryAfterMs, details } = error
  const { promptTokens, contextLength } = error.detailsOf('context_too_long')
  const { param } = details
  return new InferenceError(code, `provider ${name}: ${withoutSecrets(message, secrets)}`, {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    details: {
      ...(param !== undefined && { param: withoutSecrets(param, secrets) }),
      ...defined({ promptTokens, contextLength }),
    },
  })
}

function checkUrl(name: string, baseUrl: string): void {
  const url = URL.parse(baseUrl)
  const isPlain = url !== null && url.username === '' && url.search === '' && url.hash === ''
  if (isPlain && (url.protocol === 'https:' || url.protocol === 'http:')) return
  throw refused(`${name}: baseUrl must be an http or https URL without user, query or fragment`)
}

function checkHeaders(name: string, headers: Readonly<Record<string, string>>): void {
  try {
    new Headers(headers)
  } catch {
    // The platform's message contains the value.
    throw refused(`${name}: the key or a header contains characters that are invalid in a header`)
  }
}

function refused(message: string): InferenceError {
  return new InferenceError('invalid_request', message, { details: { param: 'providers' } })
}
