import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  BROKEN_ENVIRONMENTS,
  type OpenedEnvironment,
  USUAL_ENVIRONMENT,
} from '../../testing/broken-environments.ts'
import { COMMANDS, watchCommand } from '../../testing/watched-command.ts'

const TIMEOUT_MS = 120_000
/** Before the handlers are in place, while modules load, while the command starts, while it works. */
const STAGES_MS = [50, 300, 900, 2_500]

describe.each(BROKEN_ENVIRONMENTS)('with $name', ({ open, skip }) => {
  let environment: OpenedEnvironment

  beforeAll(async () => {
    if (skip === undefined) environment = await open()
  })

  afterAll(async () => {
    if (skip === undefined) await environment.close()
  })

  it.skipIf(skip !== undefined).each(COMMANDS.map((args) => [args[0], args] as const))(
    'skein %s ends, without a stack, with a documented exit code',
    { timeout: TIMEOUT_MS },
    async (_name, args) => {
      const { faults, output } = await watchCommand(args, environment)
      expect({ faults, output }).toMatchObject({ faults: [] })
    },
  )
})

describe('Ctrl-C', () => {
  let environment: OpenedEnvironment

  beforeAll(async () => {
    environment = await USUAL_ENVIRONMENT.open()
  })

  afterAll(() => environment.close())

  it.each(COMMANDS.map((args) => [args[0], args] as const))(
    'ends skein %s at any stage',
    { timeout: TIMEOUT_MS },
    async (_name, args) => {
      for (const afterMs of STAGES_MS) {
        const { faults, output } = await watchCommand(args, environment, afterMs)
        expect({ afterMs, faults, output }).toMatchObject({ faults: [] })
      }
    },
  )
})
