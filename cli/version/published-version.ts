import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { InferenceError, plainLine } from '../../protocol/index.ts'
import { boundedText } from '../bounded-text.ts'
import { foundHome } from '../directories.ts'
import type { Environment } from '../environment.ts'

const DEFAULT_REGISTRY = 'https://registry.npmjs.org/'
const TIMEOUT_MS = 10_000
/** The registry's answer about one version. */
const MAX_BYTES = 1_048_576

const ANSWER = z.object({ version: z.string().max(64) })

interface PublishedInit {
  /** Of the package. */
  readonly name: string
  readonly registry: string
  readonly fetch?: typeof fetch
}

/**
 * The version that the registry has as the latest one.
 *
 * @throws InferenceError `dial_failed` if the registry cannot be asked, with what to do; the signal's reason
 */
export async function publishedVersion(
  { name, registry, fetch: ask = fetch }: PublishedInit,
  { signal }: { readonly signal: AbortSignal },
): Promise<string> {
  const url = new URL(`${name}/latest`, registry.endsWith('/') ? registry : `${registry}/`)
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
    const response = await ask(url, { signal: limit, headers: { accept: 'application/json' } })
    if (!response.ok) throw new Error(`it answered ${response.status}`)
    const text = await boundedText(response, {
      maxBytes: MAX_BYTES,
      tooLong: 'its answer is too long',
    })
    const parsed = ANSWER.safeParse(JSON.parse(text))
    if (parsed.success) return parsed.data.version
    throw new Error('it did not answer with a version')
  } catch (cause) {
    signal.throwIfAborted()
    throw new InferenceError(
      'dial_failed',
      `the registry ${url.host} cannot be asked (${plainLine(reasonOf(cause))}): check that this machine is online, that HTTPS_PROXY names your proxy if it is behind one, and that npm's setting \`registry\` names one with ${name}`,
      { cause },
    )
  }
}

/** The registry that npm would ask: of its environment, else of the user's `.npmrc`, else the public one. */
export async function registryOf(env: Environment): Promise<string> {
  const named = env['npm_config_registry'] ?? env['NPM_CONFIG_REGISTRY']
  if (named !== undefined && URL.canParse(named)) return named
  const home = foundHome(env)
  const own = home === undefined ? undefined : join(home, '.npmrc')
  const path = env['NPM_CONFIG_USERCONFIG'] ?? own
  const text = path === undefined ? '' : await readFile(path, 'utf8').catch(() => '')
  const [, configured = ''] = /^\s*registry\s*=\s*"?([^"\s]+)"?\s*$/m.exec(text) ?? []
  return URL.canParse(configured) ? configured : DEFAULT_REGISTRY
}

/** The innermost message says most: `fetch failed` says nothing. */
function reasonOf(error: unknown): string {
  const { message, cause, code } = error as Error & { readonly code?: string }
  if (cause instanceof Error) return reasonOf(cause)
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'no answer in time'
  return message === '' ? (code ?? 'no reason given') : message
}
