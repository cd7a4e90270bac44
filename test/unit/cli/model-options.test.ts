import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { type ModelOptions, modelsOf, withModelOptions } from '../../../cli/model-options.ts'
import { UsageError } from '../../../cli/usage-error.ts'

const ENV = { CLOUD_KEY: 'sk-secret', EMPTY: '' }

function parse(...args: string[]): ReturnType<typeof modelsOf> {
  const command = withModelOptions(new Command('x')).exitOverride()
  command.configureOutput({ writeErr: () => undefined })
  return modelsOf(command.parse(args, { from: 'user' }).opts<ModelOptions>(), ENV)
}

function failureOf(...args: string[]): unknown {
  try {
    return parse(...args)
  } catch (error) {
    return error
  }
}

describe('providers of the environment', () => {
  const offered = (env: Record<string, string>, options: ModelOptions = { providers: 'env' }) =>
    modelsOf(options, env).providers

  it('are offered only where they were asked for', () => {
    expect(offered({ OPENAI_API_KEY: 'sk-a' }, {})).toEqual([])
    expect(offered({})).toEqual([])
  })

  it('have the address and the form of key of each API', () => {
    const env = {
      OPENAI_API_KEY: 'sk-a',
      OPENAI_BASE_URL: 'https://proxy.example/v1/',
      ANTHROPIC_API_KEY: 'sk-b',
      GOOGLE_API_KEY: 'c',
      AZURE_OPENAI_API_KEY: 'd',
      AZURE_OPENAI_ENDPOINT: 'https://x.openai.azure.com/',
      OPENROUTER_API_KEY: ' ',
    }
    expect(offered(env)).toEqual([
      { name: 'openai', baseUrl: 'https://proxy.example/v1', apiKey: 'sk-a' },
      { name: 'anthropic', baseUrl: 'https://api.anthropic.com/v1', apiKey: 'sk-b' },
      {
        name: 'gemini',
        baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
        apiKey: 'c',
      },
      {
        name: 'azure',
        baseUrl: 'https://x.openai.azure.com/openai/v1',
        headers: { 'api-key': 'd' },
      },
    ])
    expect(offered({ AZURE_OPENAI_API_KEY: 'd' })).toEqual([])
  })

  it('stand back for an option of the same name', () => {
    const options = { providers: 'env', provider: ['openai=http://127.0.0.1:1/v1'] } as const
    expect(offered({ OPENAI_API_KEY: 'sk-a' }, options)).toEqual([
      { name: 'openai', baseUrl: 'http://127.0.0.1:1/v1' },
    ])
  })
})

describe('options that name models', () => {
  it('come to nothing where none is given', () => {
    expect(parse()).toEqual({ providers: [], aliases: {} })
  })

  it('put a provider together by its name, with the key from the environment', () => {
    const { providers } = parse(
      '--provider',
      'Cloud=https://api.example.com/v1?x=1',
      '--provider-key',
      'cloud=CLOUD_KEY',
      '--provider-models',
      'cloud=big, small,',
      '--provider-first',
      'CLOUD',
      '--provider-continues',
      'Cloud=prefix',
      '--provider',
      'lan=http://10.0.0.2:8000',
    )
    expect(providers).toEqual([
      {
        name: 'cloud',
        baseUrl: 'https://api.example.com/v1?x=1',
        apiKey: 'sk-secret',
        models: ['big', 'small'],
        place: 'first',
        continues: 'prefix',
      },
      { name: 'lan', baseUrl: 'http://10.0.0.2:8000' },
    ])
  })

  it('read aliases for chains', () => {
    expect(parse('--alias', 'best=deepseek-v3,auto', '--alias', 'f=x').aliases).toEqual({
      best: 'deepseek-v3,auto',
      f: 'x',
    })
  })

  it.each([['EMPTY'], ['NOT_THERE'], ['sk-typed-by-mistake-123']])(
    'refuse a key that is not in the environment, and do not show what was typed: %s',
    (typed) => {
      const error = failureOf('--provider', 'c=http://x', '--provider-key', `c=${typed}`)
      expect(error).toBeInstanceOf(UsageError)
      expect(String(error)).toContain('variable')
      expect(String(error)).not.toContain(typed)
    },
  )

  it.each([
    ['--provider-key', 'sk-typed-by-mistake-123'],
    ['--provider-key', 'other=CLOUD_KEY'],
    ['--provider-models', 'other=a'],
    ['--provider-first', 'other'],
    ['--provider-continues', 'other=prefix'],
    ['--provider-continues', 'c=echo'],
    ['--provider', 'name-only'],
    ['--alias', '=x'],
  ])('refuse %s %s', (option, value) => {
    const error = failureOf('--provider', 'c=http://x', option, value)
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).not.toContain('sk-typed')
  })
})
