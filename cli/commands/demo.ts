import { Command } from 'commander'
import { runDemo } from '../demo/index.ts'
import type { Runtime } from '../runtime.ts'
import { withSharedOptions } from '../shared-options.ts'

export function demoCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('demo').description(
      'Starts a bootstrap peer and three nodes with the bundled model as processes of their own, lets them count, twice kills the node that is counting, shows who went on, and stops everything. It listens on loopback only and leaves nothing behind.',
    ),
  ).action(runtime.action(runDemo))
}
