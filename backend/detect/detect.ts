import { InferenceError } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import type { Backend } from '../backend.ts'
import {
  asArray,
  asRecord,
  asString,
  createEngineHttp,
  type EngineHttp,
  type Fetch,
} from '../http/index.ts'
import { createOllamaBackend } from '../ollama/index.ts'
import {
  createOpenAiBackend,
  FLAVORS,
  type Flavor,
  identify,
  type OpenAiBackendInit,
  serverRoot,
} from '../openai/index.ts'

/** Default ports of engines: Ollama, llama-server, vLLM, LM Studio, SGLang. */
const STANDARD_PORTS: readonly number[] = [11434, 8080, 8000, 1234, 30000]

/** An engine that answered on this machine. */
export interface DetectedBackend {
  readonly kind: 'ollama' | Flavor
  readonly baseUrl: string
  /** For people, e.g. `Ollama at http://127.0.0.1:11434`. */
  readonly description: string
  /** The engine's own names of its models. */
  readonly models: readonly string[]
}

/** Where to look for engines. */
export interface DetectInit {
  /** @default the engines' standard ports */
  readonly ports?: readonly number[]
  /** @default 127.0.0.1 */
  readonly host?: string
  /** Longest wait for each answer; the ports are asked at once. @default 500 */
  readonly timeoutMs?: number
  /** @default the global `fetch` */
  readonly fetch?: Fetch
}

/** The engines that answer on this machine, in the order of the ports. Finding none is not an error. */
export async function detectBackends(
  init: DetectInit = {},
  options: AbortOptions = {},
): Promise<readonly DetectedBackend[]> {
  const { ports = STANDARD_PORTS, host = '127.0.0.1', timeoutMs = 500 } = init
  const found = await Promise.all(
    ports.map(async (port) => {
      const baseUrl = `http://${host}:${port}`
      const http = createEngineHttp({ baseUrl, fetch: init.fetch, callTimeoutMs: timeoutMs })
      try {
        return await detectAt(http, options)
      } catch {
        options.signal?.throwIfAborted()
        return undefined
      }
    }),
  )
  return found.filter((engine) => engine !== undefined)
}

/** An engine at a known address, of a kind to be detected. */
export interface BackendFromUrlInit extends Omit<OpenAiBackendInit, 'baseUrl'> {
  readonly baseUrl: string
}

/**
 * A backend for whatever engine answers at the URL.
 *
 * @throws InferenceError `engine_failed` if no known engine answers; the signal's reason.
 */
export async function createBackendFromUrl(
  init: BackendFromUrlInit,
  options: AbortOptions = {},
): Promise<Backend> {
  const { apiKey, ...rest } = init
  const shown = URL.parse(init.baseUrl)?.origin ?? init.baseUrl
  const http = createEngineHttp({ ...init, baseUrl: serverRoot(init.baseUrl) })
  const { kind } = await detectAt(http, options).catch((cause: unknown) => {
    options.signal?.throwIfAborted()
    const { message } = InferenceError.from(cause)
    throw new InferenceError('engine_failed', `no engine at ${shown}: ${message}`, { cause })
  })
  if (kind === 'ollama') return createOllamaBackend({ ...rest, baseUrl: http.baseUrl })
  return createOpenAiBackend(init)
}

/** Ollama first: it also speaks OpenAI's protocol, and llama-server never answers `/api/version`. */
async function detectAt(http: EngineHttp, options: AbortOptions): Promise<DetectedBackend> {
  const { signal } = options
  const { baseUrl } = http
  const isOllama = await http.get('/api/version', { signal }).then(
    ({ version }) => typeof version === 'string',
    () => false,
  )
  signal?.throwIfAborted()
  if (isOllama) {
    const { models } = await http.get('/api/tags', { signal })
    const names = asArray(models)
      .map(asRecord)
      .map(({ name }) => asString(name))
    return { kind: 'ollama', baseUrl, description: `Ollama at ${baseUrl}`, models: names }
  }
  const listed = await http.get('/v1/models', { signal })
  const { data } = listed
  if (!Array.isArray(data)) {
    throw new InferenceError('engine_failed', `${baseUrl} answers, but not as a known engine`)
  }
  const { flavor } = await identify(http, listed, options)
  const names = data.map(asRecord).map(({ id }) => asString(id))
  const description = `${FLAVORS[flavor].title} at ${baseUrl}`
  return { kind: flavor, baseUrl, description, models: names }
}
