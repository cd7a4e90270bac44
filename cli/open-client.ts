import { type Client, type ClientInit, createClient } from '../client/index.ts'
import { plainLine } from '../protocol/index.ts'
import { type ModelOptions, modelsOf } from './model-options.ts'
import { withBootstrap } from './named-bootstrap.ts'
import { rememberBootstrap } from './remembered-bootstrap.ts'
import type { Session } from './runtime.ts'
import { resolveNetwork, type SharedOptions } from './shared-options.ts'
import { openTyped } from './usage-error.ts'

/** The client of a command. Several may run at once; later ones get a temporary identity. */
export async function openClient(
  session: Session,
  options: SharedOptions & ModelOptions,
  more: Pick<ClientInit, 'canaries' | 'friends' | 'receipts'> = {},
): Promise<Client> {
  const named = modelsOf(options, session.env)
  const { host, dataDirs } = resolveNetwork(options, session.env, 'client')
  const [dataDir = ''] = dataDirs
  const recalled = await withBootstrap(session, host, dataDir)
  const client = await openTyped(() =>
    createClient({
      onFault: (message) => session.terminal.log(plainLine(message)),
      ...recalled,
      ...named,
      ...more,
      whenLocked: 'ephemeral',
      dataDir,
    }),
  )
  const close = async (): Promise<void> => {
    await rememberBootstrap(dataDir, client.host, session.terminal)
    await client.close()
  }
  return { ...client, close, [Symbol.asyncDispose]: close }
}
