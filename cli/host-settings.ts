import type { HostInit } from '../host/index.ts'
import { plainLine } from '../protocol/index.ts'
import { withBootstrap } from './named-bootstrap.ts'
import { openFileLimit } from './open-files.ts'
import { type RelayOptions, relaySettings } from './relay-options.ts'
import type { Session } from './runtime.ts'
import type { Network } from './shared-options.ts'

/** What the hosts of commands that serve have in common, for each data directory that is tried. */
export function hostSettings(
  session: Session,
  network: Network,
  options: RelayOptions,
): (dataDir: string) => Promise<Omit<HostInit, 'dht'>> {
  const maxOpenFiles = openFileLimit(session)
  return async (dataDir) => ({
    ...(await withBootstrap(session, network.host, dataDir)),
    ...relaySettings(options),
    dataDir,
    version: session.version,
    onFault: (message) => session.terminal.log(plainLine(message), { level: 'warn' }),
    ...(maxOpenFiles !== undefined && { maxOpenFiles }),
  })
}
