import type { ProviderInit } from '../client/index.ts'
import type { Environment } from './environment.ts'

interface Known {
  readonly name: string
  /** The first that is set counts. */
  readonly keys: readonly string[]
  readonly url: (env: Environment) => string | undefined
  /** How the key is sent. @default as a bearer token */
  readonly header?: string
}

/** Where other programs look for keys, and the OpenAI-compatible API that belongs to each. */
const KNOWN: readonly Known[] = [
  {
    name: 'openai',
    keys: ['OPENAI_API_KEY'],
    url: (env) => given(env['OPENAI_BASE_URL']) ?? 'https://api.openai.com/v1',
  },
  {
    name: 'anthropic',
    keys: ['ANTHROPIC_API_KEY'],
    url: (env) => `${given(env['ANTHROPIC_BASE_URL']) ?? 'https://api.anthropic.com'}/v1`,
  },
  {
    name: 'gemini',
    keys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    url: () => 'https://generativelanguage.googleapis.com/v1beta/openai',
  },
  {
    name: 'azure',
    keys: ['AZURE_OPENAI_API_KEY'],
    url: (env) => {
      const endpoint = given(env['AZURE_OPENAI_ENDPOINT'])
      return endpoint === undefined ? undefined : `${endpoint}/openai/v1`
    },
    header: 'api-key',
  },
  {
    name: 'openrouter',
    keys: ['OPENROUTER_API_KEY'],
    url: () => 'https://openrouter.ai/api/v1',
  },
]

/** The providers whose keys the environment has. They answer requests for `NAME/MODEL` and no others. */
export function providersFromEnv(env: Environment): ProviderInit[] {
  return KNOWN.flatMap(({ name, keys, url, header }): ProviderInit[] => {
    const apiKey = keys.map((key) => given(env[key])).find((key) => key !== undefined)
    const baseUrl = url(env)
    if (apiKey === undefined || baseUrl === undefined) return []
    return [
      { name, baseUrl, ...(header === undefined ? { apiKey } : { headers: { [header]: apiKey } }) },
    ]
  })
}

/** Without a slash at the end; an empty value counts as absent. */
function given(value: string | undefined): string | undefined {
  const text = value?.trim().replace(/\/+$/, '') ?? ''
  return text === '' ? undefined : text
}
