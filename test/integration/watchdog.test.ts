import { afterAll, beforeAll, expect, it } from 'vitest'
import { EXIT } from '../../cli/exit-codes.ts'
import { BROKEN_ENVIRONMENTS, type OpenedEnvironment } from '../../testing/broken-environments.ts'
import { runHere } from '../../testing/cli/index.ts'
import { COMMANDS, watchCommand } from '../../testing/watched-command.ts'

/** Most end by themselves within half a second; what runs on is interrupted. */
const INTERRUPT_MS = 2_000

// The whole of it, each command as a process in each environment, is `watchdog.slow.test.ts`.
let environment: OpenedEnvironment
beforeAll(async () => {
  const [unwritable] = BROKEN_ENVIRONMENTS
  if (unwritable === undefined) throw new Error('no environment')
  environment = await unwritable.open()
})
afterAll(() => environment.close())

it.each(COMMANDS.map((args) => [args[0], args] as const))(
  '%s ends with an error where no file can be made',
  async (_, args) => {
    const command = runHere(args, environment.env)
    command.stdin.end()
    const interrupt = setTimeout(() => command.interrupt('SIGINT'), INTERRUPT_MS)
    const { exitCode, stdout, stderr } = await command.finished
    clearTimeout(interrupt)
    const output = stdout + stderr
    expect(Object.values<number | null>(EXIT), output).toContain(exitCode)
    expect(output).not.toMatch(/^\s+at .*(?:file:|node:|\/)/m)
    if (exitCode !== 0) expect(output).toMatch(/\S/)
  },
)

it.each([['ask', 'Hello'], ['demo']])('%s does so as a process', async (...args) => {
  const { faults, exitCode, output } = await watchCommand(args, environment, INTERRUPT_MS)
  expect({ faults, output }).toMatchObject({ faults: [] })
  // Interrupted while it loaded its modules, it had nothing to say.
  if (exitCode !== 0 && exitCode !== null) expect(output).toMatch(/\S/)
})
