import { type Command, InvalidArgumentError } from 'commander'
import { CONTINUE_BY, type ContinueBy } from '../backend/index.ts'
import type { ClientInit, ProviderInit } from '../client/index.ts'
import type { Environment } from './environment.ts'
import { addValue, repeatable } from './option-parsers.ts'
import { providersFromEnv } from './providers-from-env.ts'
import { UsageError } from './usage-error.ts'

const addPair = repeatable((text: string) => {
  if (!/^[^=]+=./.test(text)) throw new InvalidArgumentError('It must have the form NAME=….')
  return text
  // Chains and lists of models contain commas.
}, /\s+/)

/** Model aliases and the caller's own providers, for the commands that send requests. */
export interface ModelOptions {
  /** `name=URL` */
  readonly provider?: readonly string[]
  /** `name=VARIABLE` */
  readonly providerKey?: readonly string[]
  /** `name=model,model` */
  readonly providerModels?: readonly string[]
  /** `name=how` */
  readonly providerContinues?: readonly string[]
  /** Names. */
  readonly providerFirst?: readonly string[]
  /** `env`: those whose keys the environment has. */
  readonly providers?: 'env'
  /** `name=chain` */
  readonly alias?: readonly string[]
}

/** Names of these settings. */
export const MODEL_SETTINGS = [
  'providers',
  'provider',
  'provider-key',
  'provider-models',
  'provider-continues',
  'provider-first',
  'alias',
] as const

export function withModelOptions(command: Command): Command {
  return command
    .option(
      '--provider <name=url>',
      'an OpenAI-compatible API of your own, used as --model NAME/MODEL; repeatable',
      addPair,
    )
    .option(
      '--provider-key <name=variable>',
      'the environment variable with its API key; repeatable',
      // Not checked here: the parser's message would print a key that was typed by mistake.
      addValue,
    )
    .option(
      '--provider-models <name=a,b>',
      'models of the provider to use for requests with the same id, the first also for auto; repeatable',
      addPair,
    )
    .option(
      '--provider-continues <name=how>',
      `how the provider continues an answer that broke off: ${CONTINUE_BY.join(', ')} (default: as documented by its maker); repeatable`,
      addPair,
    )
    .option(
      '--provider-first <name>',
      'try the provider before the network instead of after it; repeatable',
      addValue,
    )
    .option(
      '--providers <env>',
      'env: OpenAI, Anthropic, Gemini, Azure and OpenRouter as openai/MODEL, …, where the environment has their keys',
      fromEnv,
    )
    .option(
      '--alias <name=chain>',
      'an alias for a model, or for several to try in turn: a,b,auto; repeatable',
      addPair,
    )
}

/**
 * Resolves the options. Keys are read from the environment: every user of the machine can read a command line.
 *
 * @throws UsageError; its message never contains a possible key
 */
export function modelsOf(
  options: ModelOptions,
  env: Environment,
): Pick<ClientInit, 'aliases' | 'providers'> {
  const urls = pairs(options.provider)
  const keys = pairs(options.providerKey)
  const models = pairs(options.providerModels)
  const first = (options.providerFirst ?? []).map((name) => name.toLowerCase())
  const continues = pairs(options.providerContinues)
  for (const name of [...keys.keys(), ...models.keys(), ...continues.keys(), ...first]) {
    if (!urls.has(name))
      throw new UsageError('an option names a provider that no --provider defines')
  }
  const providers = [...urls].map(([name, baseUrl]): ProviderInit => {
    const apiKey = keyOf(name, keys, env)
    const own = models.get(name)?.split(',') ?? []
    const how = continueBy(name, continues)
    return {
      name,
      baseUrl,
      ...(apiKey !== undefined && { apiKey }),
      ...(own.length > 0 && { models: own.map((model) => model.trim()).filter((id) => id !== '') }),
      ...(how !== undefined && { continues: how }),
      ...(first.includes(name) && { place: 'first' }),
    }
  })
  const found = options.providers === 'env' ? providersFromEnv(env) : []
  // An option of that name wins.
  providers.push(...found.filter(({ name }) => !urls.has(name)))
  const aliases = Object.fromEntries(pairs(options.alias))
  return { providers, aliases }
}

function fromEnv(text: string): 'env' {
  if (text === 'env') return text
  throw new InvalidArgumentError('It must be env; --provider names another provider.')
}

function continueBy(name: string, continues: ReadonlyMap<string, string>): ContinueBy | undefined {
  const text = continues.get(name)
  const found = CONTINUE_BY.find((how) => how === text)
  if (text === undefined || found !== undefined) return found
  throw new UsageError(
    `--provider-continues ${name}=…: it must be one of ${CONTINUE_BY.join(', ')}`,
  )
}

function keyOf(
  name: string,
  keys: ReadonlyMap<string, string>,
  env: Environment,
): string | undefined {
  const variable = keys.get(name)
  if (variable === undefined) return undefined
  const key = env[variable]
  if (key !== undefined && key !== '') return key
  throw new UsageError(
    `--provider-key ${name}=…: the environment variable does not exist; the option takes a variable's name, not the key`,
  )
}

/** Names are case-insensitive. */
function pairs(values: readonly string[] | undefined): ReadonlyMap<string, string> {
  return new Map(
    (values ?? []).map((value) => {
      const at = value.indexOf('=')
      if (at < 1) throw new UsageError('the option must have the form NAME=…')
      return [value.slice(0, at).trim().toLowerCase(), value.slice(at + 1).trim()]
    }),
  )
}
