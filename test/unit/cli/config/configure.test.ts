import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, describe, expect, it } from 'vitest'
import { checkConfig, createConfiguration, withoutSecret } from '../../../../cli/config/index.ts'
import type { Environment } from '../../../../cli/environment.ts'
import { withModelOptions } from '../../../../cli/model-options.ts'
import { wholeNumber } from '../../../../cli/option-parsers.ts'
import { withSharedOptions } from '../../../../cli/shared-options.ts'
import { UsageError } from '../../../../cli/usage-error.ts'

const PEER = '12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
const A = `/ip4/192.168.1.5/tcp/4801/p2p/${PEER}`
const B = `/dns4/example.org/tcp/443/wss/p2p/${PEER}`

const directory = mkdtempSync(join(tmpdir(), 'skein-config-'))
afterAll(() => rmSync(directory, { recursive: true }))
const file = join(directory, 'skein.yaml')

function createCommand(name: string): Command {
  const port = (command: Command): Command =>
    command.option('--port <n>', '', wholeNumber(0, 65_535), 4810).option('--open', '')
  const command = withSharedOptions(withModelOptions(new Command(name))).exitOverride()
  return name === 'gateway' ? port(command) : command
}

interface Options {
  readonly bootstrap?: unknown
  readonly alias?: unknown
  readonly mdns?: unknown
  readonly open?: unknown
  readonly port?: unknown
}

interface Given {
  readonly yaml?: string
  readonly env?: Environment
  readonly typed?: readonly string[]
}

async function configured({ yaml = '', env = {}, typed = [] }: Given) {
  writeFileSync(file, yaml)
  const commands = new Map(['gateway', 'node'].map((name) => [name, createCommand(name)]))
  const configuration = createConfiguration({
    env: { SKEIN_CONFIG: file, ...env },
    names: new Set(commands.keys()),
    load: () => Promise.resolve(commands),
  })
  const command = createCommand('gateway')
  command.parse(typed, { from: 'user' })
  const origins = await configuration.configure(command)
  const from = Object.fromEntries(origins.map((origin) => [origin.setting.name, origin.from]))
  return { options: command.opts<Options>(), from }
}

describe('an option that was not typed', () => {
  it('comes from the environment, else from the file, else from the default', async () => {
    const given = { yaml: 'port: 1\nopen: true\nmdns: false', env: { SKEIN_PORT: '2' } }
    const { options, from } = await configured({ ...given, typed: ['--open'] })
    expect(options).toMatchObject({ port: 2, open: true, mdns: false })
    expect(from).toMatchObject({
      open: 'the command line',
      port: 'SKEIN_PORT',
      mdns: `${file}:3`,
      listen: 'default',
    })
    expect((await configured({ ...given, typed: ['--port', '3'] })).options).toMatchObject({
      port: 3,
    })
    expect((await configured({})).options).toMatchObject({ port: 4810, mdns: true })
  })

  it('prefers the section of its command, and leaves other sections alone', async () => {
    const yaml = 'gateway: { port: 1 }\nport: 2\nnode:\n  open: 7\n'
    expect((await configured({ yaml })).options).toMatchObject({ port: 1 })
  })

  it('is a list in every form that the environment and the file allow', async () => {
    const lists = [
      { env: { SKEIN_BOOTSTRAP: `${A}, ${B}` } },
      { env: { SKEIN_BOOTSTRAP: `${A} ${B}` } },
      { yaml: `bootstrap: [${A}, ${B}]` },
      { yaml: `gateway:\n  bootstrap:\n    - ${A}\n    - ${B}\n` },
    ]
    for (const given of lists) {
      expect((await configured(given)).options.bootstrap).toEqual([A, B])
    }
    expect((await configured({ yaml: `bootstrap: ${A}` })).options.bootstrap).toEqual([A])
    // Typed values replace the others: they are not added to them.
    expect(
      (await configured({ yaml: `bootstrap: ${A}`, typed: ['--bootstrap', B] })).options.bootstrap,
    ).toEqual([B])
  })

  it('is a list of pairs from a mapping, and keeps the commas of a chain', async () => {
    const alias = ['fast=a,b,auto', 'good=c']
    for (const given of [
      { yaml: 'alias:\n  fast: a,b,auto\n  good: c\n' },
      { yaml: 'alias:\n  fast: [a, b, auto]\n  good: c\n' },
      { env: { SKEIN_ALIAS: 'fast=a,b,auto good=c' } },
    ]) {
      expect((await configured(given)).options.alias).toEqual(alias)
    }
  })

  it('takes secrets from variables and files', async () => {
    const secret = join(directory, 'invite')
    writeFileSync(secret, 'skein-invite\n')
    const yaml = `invite: \${file:${secret}}\ndata-dir: \${PLACE}/skein`
    const { options } = await configured({ yaml, env: { PLACE: '/srv' } })
    expect(options).toMatchObject({ invite: 'skein-invite', dataDir: '/srv/skein' })
    await expect(configured({ yaml: 'data-dir: $'.concat('{PLACE}') })).rejects.toThrow(
      `${file}:1: data-dir: The environment variable PLACE is not set.`,
    )
  })

  it('is switched by every usual word, and by no other', async () => {
    for (const word of ['0', 'false', 'No', 'off']) {
      expect((await configured({ env: { SKEIN_MDNS: word } })).options.mdns).toBe(false)
    }
    for (const word of ['1', 'true', 'yes', 'on']) {
      expect((await configured({ env: { SKEIN_OPEN: word } })).options.open).toBe(true)
    }
    await expect(configured({ env: { SKEIN_OPEN: 'maybe' } })).rejects.toThrow(
      'SKEIN_OPEN: It must be true or false.',
    )
    // An empty variable is how a shell or compose file unsets one.
    expect((await configured({ env: { SKEIN_PORT: '' } })).options.port).toBe(4810)
  })
})

describe('a file that is not understood', () => {
  it.each([
    ['port: 99999', '1: port: It must be a whole number, 0 to 65535.'],
    ['mdns: true\ngateway:\n  prot: 1', '3: gateway.prot: `gateway` does not have a setting'],
    ['prot: 1', '1: prot: No command has a setting of this name.'],
    ['port: [1, 2]', '1: port: It takes a single value.'],
    ['port:', '1: port: It has no value.'],
    ['bootstrap: [[1]]\nlisten: localhost', '1: bootstrap: It looks like /ip4/'],
    ['gateway: 7', '1: gateway: It must be a mapping'],
    ['- 1', '1: It must be a mapping of settings'],
    ['a: [', '1: '],
    ['port: 1\n---\nport: 2', '2: It must be one document'],
    ['invite: $'.concat('{file:/}'), '1: invite: /: EISDIR'],
    ['port: 1\nport: 2', '2: This setting stands in the file a second time.'],
  ])('is refused by line and setting: %j', async (yaml, message) => {
    const failure = await configured({ yaml }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(UsageError)
    expect((failure as Error).message).toContain(`${file}:${message}`)
  })

  it('may hold what another command cannot use', async () => {
    const variable = '$'.concat('{UNSET}')
    const yaml = `open: true\nnode:\n  invite: ${variable}\n  bootstrap:\nport: 7`
    expect((await configured({ yaml })).options).toMatchObject({ open: true, port: 7 })
    await expect(configured({ yaml: `gateway:\n  invite: ${variable}` })).rejects.toThrow(
      `${file}:2: gateway.invite: The environment variable UNSET is not set.`,
    )
    // What is set elsewhere is not looked up.
    const env = { SKEIN_INVITE: 'skein-invite' }
    await expect(configured({ yaml: `invite: ${variable}`, env })).resolves.toMatchObject({
      options: { invite: 'skein-invite' },
    })
  })

  it('must exist if it was named', async () => {
    await expect(configured({ env: { SKEIN_CONFIG: join(directory, 'none') } })).rejects.toThrow(
      'ENOENT',
    )
    const usual = { SKEIN_CONFIG: undefined, XDG_CONFIG_HOME: directory }
    expect((await configured({ env: usual })).options).toMatchObject({ port: 4810 })
    expect((await configured({ env: { SKEIN_CONFIG: '' } })).options).toMatchObject({ port: 4810 })
  })
})

describe('a check of a file', () => {
  const faultsOf = async (yaml: string, env: Environment = {}): Promise<readonly string[]> => {
    const commands = new Map(['gateway', 'node'].map((name) => [name, createCommand(name)]))
    return (await checkConfig(yaml, 'f', { env, commands })).map(({ message }) => message)
  }

  it('names all faults, for all commands, in order of their lines', async () => {
    const [one, two] = ['ONE', 'TWO'].map((name) => '$'.concat(`{${name}}`))
    const yaml = [
      'prot: 1',
      `invite: ${one}`,
      'gateway:',
      '  port: 99999',
      '  open: maybe',
      `  data-dir: ${one}/${two}`,
      'node:',
      '  port: 1',
      '  mdns:',
      '  listen: [localhost, /ip4/127.0.0.1/tcp/0, there]',
      'gateway: 7',
      `nothing: ${'$'.concat('{file:/nonexistent/secret}')}`,
    ]
    expect(await faultsOf(yaml.join('\n'))).toEqual([
      'f:1: prot: No command has a setting of this name.',
      'f:2: invite: The environment variable ONE is not set.',
      'f:4: gateway.port: It must be a whole number, 0 to 65535.',
      'f:5: gateway.open: It must be true or false.',
      'f:6: gateway.data-dir: The environment variable ONE is not set.',
      'f:6: gateway.data-dir: The environment variable TWO is not set.',
      'f:8: node.port: `node` does not have a setting of this name.',
      'f:9: node.mdns: It has no value.',
      expect.stringMatching(/^f:10: node\.listen: It is not a multiaddr/),
      expect.stringMatching(/^f:10: node\.listen: It is not a multiaddr/),
      'f:11: This setting stands in the file a second time.',
      'f:11: gateway: It must be a mapping of settings of `gateway`.',
      expect.stringContaining('No command has'),
      expect.stringContaining('ENOENT'),
    ])
  })

  it('names errors of syntax only where there are some, and none in a valid file', async () => {
    expect(await faultsOf('prot: 1\na: [\nb: }')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^f:\d: /)]),
    )
    expect(await faultsOf('prot: 1\na: [')).not.toContain(expect.stringContaining('prot'))
    const invite = '$'.concat('{INVITE}')
    expect(await faultsOf(`invite: ${invite}\nport: 1`, { INVITE: 'skein-invite' })).toEqual([])
  })
})

describe('a value that is shown', () => {
  it.each([
    ['invite', 'skein1abc', '(hidden)'],
    [
      'provider',
      'cloud=https://anna:pw@x.example/v1?key=k',
      'cloud=https://(hidden)@x.example/v1?(hidden)',
    ],
    ['backend', 'http://:pw@127.0.0.1:1', 'http://(hidden)@127.0.0.1:1'],
    ['provider-key', 'cloud=OPENAI_API_KEY', 'cloud=OPENAI_API_KEY'],
    ['provider-key', 'cloud=sk-proj-123', '(hidden)'],
    ['share', 'llama3.2', 'llama3.2'],
  ])('of %s contains no secret: %s', (name, value, shown) => {
    expect(withoutSecret(name, value)).toBe(shown)
  })
})
