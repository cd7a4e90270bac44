import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { CATALOG } from '../../../cli/commands/index.ts'
import { allSettingsOf } from '../../../cli/config/index.ts'
import type { Runtime } from '../../../cli/runtime.ts'
import { systemdUnit } from '../../../cli/service/index.ts'

/** Read by the program without being options. */
const OTHER_VARIABLES = new Set(['SKEIN_CONFIG', 'SKEIN_BACKEND_API_KEY'])
/** Options of the program itself, and those of other programs that the pages name. */
const OTHER_OPTIONS = new Set([
  '--help',
  '--version',
  '--detach',
  '--global',
  '--check',
  '--models-dir',
  '--omit',
])

// Loading every command takes its time on a busy machine.
vi.setConfig({ hookTimeout: 90_000 })

const commands = new Map<string, Command>()
let variables: ReadonlySet<string>
let options: ReadonlySet<string>

beforeAll(async () => {
  const runtime = { action: () => async () => {} } as unknown as Runtime
  for (const [name, { load }] of Object.entries(CATALOG)) {
    commands.set(name, (await load())(runtime))
  }
  const all = [...commands.values()]
  variables = new Set(all.flatMap(allSettingsOf).map(({ variable }) => variable))
  options = new Set(all.flatMap(below).flatMap(optionsOf))
})

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')

function below(command: Command): Command[] {
  return [command, ...command.commands.flatMap(below)]
}

function optionsOf(command: Command): string[] {
  return command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]))
}

/** What is wrong with a command line that follows `skein`. */
function faultsOf(words: readonly string[]): string[] {
  const [name = ''] = words
  if (name.startsWith('-') || ['help', 'exit-codes'].includes(name)) return []
  let command = commands.get(name)
  if (command === undefined) return [`no command ${name}`]
  const known = new Set(optionsOf(command))
  for (const word of words.slice(1)) {
    const child: Command | undefined = command.commands.find((one) => one.name() === word)
    if (child === undefined) break
    command = child
    for (const option of optionsOf(child)) known.add(option)
  }
  const end = words.indexOf('--')
  return words
    .slice(0, end < 0 ? undefined : end)
    .map((word) => word.replace(/[=,.;:)].*$/, ''))
    .filter((word) => word.startsWith('--') && !known.has(word) && word !== '--help')
    .map((word) => `skein ${name} has no ${word}`)
}

/** Command lines in spans of code and blocks of a page. */
function commandLines(page: string): string[][] {
  const blocks = [...page.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, code = '']) =>
    code.split('\n'),
  )
  const spans = [...page.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`]+)`/g)]
  return (
    [...blocks, ...spans.map(([, code = '']) => code)]
      .map((line) => /(?:^|\s)(?:npx )?skein ([a-z-].*)$/.exec(line.trim())?.[1])
      .filter((line) => line !== undefined)
      .map(
        (line) =>
          line
            .split(/\s+#|\s*\|/)[0]
            ?.trim()
            .split(/\s+/) ?? [],
      )
      // `skein node|gateway` and a command of another program, like `skein-node.service`.
      .filter(([name = '']) => /^[a-z-]+$/.test(name))
  )
}

const PAGES = [
  'README.md',
  'docs/operations.md',
  'docs/configuration.md',
  'docs/gateway.md',
  'docs/swarms.md',
]

describe.each(PAGES)('%s', (path) => {
  it('names commands and options that exist', () => {
    const lines = commandLines(read(path))
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.flatMap(faultsOf)).toEqual([])
  })

  it('names options and variables that exist', () => {
    const page = read(path)
    const named = [...page.matchAll(/`(--[a-z][a-z0-9-]+)/g)].map(([, option = '']) => option)
    const unknown = named.filter((one) => !options.has(one) && !OTHER_OPTIONS.has(one))
    expect([...new Set(unknown)]).toEqual([])
    expect(unknownVariables(page)).toEqual([])
  })
})

function unknownVariables(text: string): string[] {
  return [...text.matchAll(/\bSKEIN_[A-Z_]*[A-Z]/g)]
    .map(([name]) => name)
    .filter((name) => !variables.has(name) && !OTHER_VARIABLES.has(name))
}

describe('the Containerfile', () => {
  const text = read('Containerfile')

  it('sets variables that exist, and runs the program as a user without rights', () => {
    expect(unknownVariables(text)).toEqual([])
    const last = text.slice(text.lastIndexOf('\nFROM '))
    expect(last).toMatch(/^USER node$/m)
    expect(last).toMatch(/^VOLUME \/data$/m)
    const [, entry = ''] = /^ENTRYPOINT (.*)$/m.exec(last) ?? []
    const manifest = JSON.parse(read('package.json')) as { bin: { skein: string } }
    expect(JSON.parse(entry)[1]).toBe(`/app/node_modules/skein/${manifest.bin.skein.slice(2)}`)
  })

  it('checks health by code that Node accepts', () => {
    const [, command = ''] = /^ {2}CMD (.*)$/m.exec(text) ?? []
    const [node, flag, code = ''] = JSON.parse(command) as string[]
    expect([node, flag]).toEqual(['node', '-e'])
    expect(() => new Function(code)).not.toThrow()
    expect(code).toContain('/healthz')
  })
})

describe('the compose file', () => {
  interface Container {
    readonly command: readonly string[]
    readonly environment: Readonly<Record<string, string>>
    readonly read_only: boolean
    readonly volumes: readonly string[]
  }
  const text = read('compose.yaml')
  const { services, volumes } = parse(text, { merge: true }) as {
    services: Record<string, Container>
    volumes: object
  }

  it('runs two bootstrap peers, three nodes and a gateway, each with a volume of its own', () => {
    const roles = Object.values(services).map(({ command }) => command[0])
    const counted = (role: string): number => roles.filter((one) => one === role).length
    expect(['bootstrap', 'node', 'gateway'].map(counted)).toEqual([2, 3, 1])
    expect(Object.values(services).every(({ read_only }) => read_only)).toBe(true)
    const mounted = Object.values(services).flatMap((container) => container.volumes)
    const expected = Object.keys(volumes).map((name) => `${name}:/data`)
    expect(new Set(mounted)).toEqual(new Set(expected))
    expect(mounted).toHaveLength(expected.length)
  })

  it('puts all of them into one swarm, with the invite or without', () => {
    const names = Object.values(services).map(({ environment }) => environment['SKEIN_SWARM_NAME'])
    expect(new Set(names).size).toBe(1)
    expect(names[0]).toMatch(/SKEIN_SWARM_NAME:-\w+\}$/)
  })

  it('gives commands options and variables that they have', () => {
    expect(unknownVariables(text)).toEqual([])
    for (const { command, environment } of Object.values(services)) {
      expect(faultsOf(command)).toEqual([])
      const own = commands.get(command[0] ?? '')
      const known = new Set(own === undefined ? [] : allSettingsOf(own).map((one) => one.variable))
      expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([])
    }
  })
})

it('a unit starts a command that exists', () => {
  const unit = systemdUnit({ role: 'node', scope: 'system', command: ['/skein', 'node'] })
  const [, line = ''] = /^ExecStart=(.*)$/m.exec(unit) ?? []
  expect(faultsOf(line.split(' ').slice(1))).toEqual([])
  expect(unknownVariables(unit)).toEqual([])
})
