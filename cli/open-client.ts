import { type Client, createClient } from '../client/index.ts'
import type { Session } from './runtime.ts'
import { resolveNetwork, type SharedOptions } from './shared-options.ts'

/** The client of a command. Several may run at once: whoever comes second has an identity for the moment only. */
export async function openClient(session: Session, options: SharedOptions): Promise<Client> {
  const { host, dataDirs } = resolveNetwork(options, session.env, 'client')
  const dataDir = dataDirs[0]
  return createClient({
    ...host,
    whenLocked: 'ephemeral',
    ...(dataDir !== undefined && { dataDir }),
  })
}
