import { Command } from 'commander'
import { runDemo } from '../demo/index.ts'
import type { Runtime } from '../runtime.ts'
import { withSharedOptions } from '../shared-options.ts'

export function demoCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('demo')
      .summary('see it work: a small swarm on this machine, and a node killed')
      .description(
        'Starts a bootstrap peer and three nodes with the bundled model as processes of their own, asks, kills the node that answered, asks again, and stops everything. It listens on loopback only and leaves nothing behind.',
      ),
  ).action(runtime.action(runDemo))
}
