import { Command } from 'commander'
import { runDemo } from '../demo/index.ts'
import type { Runtime } from '../runtime.ts'
import { withSharedOptions } from '../shared-options.ts'

export function demoCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('demo').description(
      'Starts a bootstrap peer and three nodes with the bundled model, each in its own process. Lets them count, kills the counting node twice, shows which node continued, and stops everything. It listens on loopback only and leaves no files behind.',
    ),
  ).action(runtime.action(runDemo))
}
