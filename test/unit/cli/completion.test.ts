import { execFileSync } from 'node:child_process'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { completionScript } from '../../../cli/completion/index.ts'

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
  ['ask', new Command('ask').summary('ask one question').option('--model <id>', 'a model')],
])

/** What bash offers for a line whose last word is being typed. */
function offered(...words: readonly string[]): string[] {
  const script = `${completionScript('bash', commands)}
COMP_WORDS=(skein "$@"); COMP_CWORD=$#; _skein; printf '%s\\n' "\${COMPREPLY[@]}"`
  const output = execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
  return output.split('\n').filter((line) => line !== '')
}

describe('completion', () => {
  it.skipIf(process.platform === 'win32')('offers commands, their parts and their options', () => {
    expect(offered('')).toEqual(['gateway', 'ask'])
    expect(offered('ga')).toEqual(['gateway'])
    expect(offered('gateway', '')).toEqual(['key', '--port'])
    expect(offered('gateway', 'key', 'add', '--v')).toEqual(['--valid-days'])
    // An option's value is no command.
    expect(offered('gateway', '--port', '1', 'key', '')).toEqual(['add'])
  })

  it.each(['zsh', 'fish'] as const)('describes each word for %s', (shell) => {
    const script = completionScript(shell, commands)
    for (const text of ['ask one question', 'serve OpenAI’s API', 'valid-days']) {
      expect(script).toContain(text)
    }
  })
})
