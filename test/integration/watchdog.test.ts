import { expect, it } from 'vitest'
import { BROKEN_ENVIRONMENTS } from '../../testing/broken-environments.ts'
import { COMMANDS, watchCommand } from '../../testing/watched-command.ts'

/** Most end by themselves within a second; what runs on is interrupted. */
const INTERRUPT_MS = 3_000

// The whole of it, each command in each environment, is `watchdog.slow.test.ts`.
it('each command ends with an error where no file can be made', { timeout: 240_000 }, async () => {
  const [unwritable] = BROKEN_ENVIRONMENTS
  const environment = await unwritable?.open()
  if (environment === undefined) throw new Error('no environment')
  try {
    for (const args of COMMANDS) {
      const { faults, exitCode, output } = await watchCommand(args, environment, INTERRUPT_MS)
      expect({ args, faults, output }).toMatchObject({ faults: [] })
      // Interrupted while it loaded its modules, it had nothing to say.
      if (exitCode !== 0 && exitCode !== null) expect(output).toMatch(/\S/)
    }
  } finally {
    await environment.close()
  }
})
