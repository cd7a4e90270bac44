import { expect, it } from 'vitest'
import { loggedSession, promptsFor } from '../../../cli/console.ts'
import type { Session } from '../../../cli/runtime.ts'
import { createTerminal } from '../../../cli/terminal.ts'

function session() {
  let written = ''
  const output = {
    write(text: string) {
      written += text
    },
  }
  const terminal = createTerminal({
    ...{ stdout: output, stderr: output, stdinIsTty: false, json: false },
  })
  return { ...loggedSession({ terminal } as Session), written: () => written }
}

it('keeps log lines for the console with their level and advice, without progress', () => {
  const { session: logged, log } = session()
  logged.terminal.log('Loading [##--] 50%', { passing: true })
  logged.terminal.log('no file can be opened', { level: 'warn', advice: 'Raise the limit.' })
  expect(log.lines()).toMatchObject([
    { level: 'warn', text: 'no file can be opened', advice: 'Raise the limit.' },
  ])
})

it('records prompts only if told to, and says so at the start', () => {
  const { session: logged, log, written } = session()
  expect(promptsFor(logged, {})).toBeUndefined()
  expect(written()).toBe('')
  expect(promptsFor(logged, { recordPrompts: true })).toBeDefined()
  expect(written()).toMatch(/^Prompts are recorded/)
  expect(log.lines()).toMatchObject([{ level: 'warn' }])
})
