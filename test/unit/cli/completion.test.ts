import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { completionScript, type Shell } from '../../../cli/completion/index.ts'

const gateway = new Command('gateway')
  .summary("serve OpenAI's API")
  .option('--port <n>', 'listen here')
  .addCommand(
    new Command('key')
      .summary('keys')
      .addCommand(new Command('add').summary('create a key').option('--valid-days <n>', 'days')),
  )
const commands = new Map([
  ['gateway', gateway],
  [
    'ask',
    new Command('ask').summary('ask one question: of a peer').option('--model <id>', 'a model'),
  ],
])

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'skein-completion-'))
  // Where zsh looks for the function of this name.
  writeFileSync(join(directory, '_skein'), completionScript('zsh', commands))
  writeFileSync(join(directory, 'skein.fish'), completionScript('fish', commands))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** What a shell offers for a line whose last word is being typed. */
const OFFERED: Readonly<Record<Shell, (words: readonly string[]) => string>> = {
  bash: (words) => {
    const script = `${completionScript('bash', commands)}
COMP_WORDS=(skein "$@"); COMP_CWORD=$#; _skein; printf '%s\\n' "\${COMPREPLY[@]}"`
    return run('bash', ['-c', script, 'bash', ...words])
  },
  // zsh completes inside its line editor only: what the script describes is printed instead, and matched here.
  zsh: (words) => {
    const script = `fpath=(${directory}); autoload -Uz _skein
_describe() { print -rl -- "\${(@P)2}" }; _files() { }
words=(skein "$@"); CURRENT=$(($# + 1)); _skein`
    const described = run('zsh', ['-f', '-c', script, 'zsh', ...words]).split('\n')
    const typed = words.at(-1) ?? ''
    return described.filter((line) => line.startsWith(typed)).join('\n')
  },
  fish: (words) => {
    const script = `source ${directory}/skein.fish; complete -C "skein $argv"`
    return run('fish', ['--no-config', '-c', script, ...words])
  },
}

function run(shell: Shell, args: readonly string[]): string {
  const env = { PATH: process.env['PATH'], HOME: directory, TERM: 'dumb' }
  return execFileSync(shell, args, { encoding: 'utf8', cwd: directory, env })
}

/** The words alone. Options of fish are offered only once a dash is typed. */
function offered(shell: Shell, ...words: readonly string[]): string[] {
  const lines = OFFERED[shell](words).split('\n')
  return lines.flatMap((line) => line.split(/[:\t]/)[0] || []).toSorted()
}

const isMissing = (shell: Shell): boolean =>
  spawnSync(shell, ['-c', 'true'], { stdio: 'ignore' }).error !== undefined

describe.each(['bash', 'zsh', 'fish'] as const)('completion in %s', (shell) => {
  it.skipIf(isMissing(shell))('offers commands, their parts and their options', () => {
    expect(offered(shell, '')).toEqual(['ask', 'gateway'])
    expect(offered(shell, 'ga')).toEqual(['gateway'])
    expect(offered(shell, 'gateway', 'k')).toEqual(['key'])
    expect(offered(shell, 'gateway', '--')).toEqual(['--port'])
    expect(offered(shell, 'gateway', 'key', 'add', '--v')).toEqual(['--valid-days'])
    // What belongs to the command around is not offered, and an option's value is no command.
    expect(offered(shell, 'gateway', 'key', 'add', '--')).toEqual(['--valid-days'])
    expect(offered(shell, 'gateway', 'key', 'a')).toEqual(['add'])
    expect(offered(shell, 'gateway', '--port', '1', 'key', 'a')).toEqual(['add'])
  })
})

it.each(['zsh', 'fish'] as const)('describes each word for %s', (shell) => {
  const script = completionScript(shell, commands)
  for (const text of ['ask one question: of a peer', 'serve OpenAI’s API', 'valid-days']) {
    expect(script).toContain(text)
  }
})
