import { type Client, type ClientInit, createClient } from '../client/index.ts'
import { plainLine } from '../protocol/index.ts'
import { clockAdvice } from './clock-report.ts'
import { type ModelOptions, modelsOf } from './model-options.ts'
import { withBootstrap } from './named-bootstrap.ts'
import { openTyped } from './open-typed.ts'
import { useProxy } from './proxy.ts'
import { rememberBootstrap } from './remembered-bootstrap.ts'
import type { Session } from './runtime.ts'
import { resolveNetwork, type SharedOptions } from './shared-options.ts'

interface OpenOptions extends Pick<ClientInit, 'canaries' | 'friends' | 'onPrompt' | 'receipts'> {
  /** The command itself reports a clock that is off. @default false: reported when the client closes */
  readonly reportsClock?: boolean
}

/** The client of a command. Several may run at once; later ones get a temporary identity. */
export async function openClient(
  session: Session,
  options: SharedOptions & ModelOptions,
  { reportsClock = false, ...more }: OpenOptions = {},
): Promise<Client> {
  session.signal.throwIfAborted()
  const named = modelsOf(options, session.env)
  if (named.providers !== undefined && named.providers.length > 0) useProxy(session)
  const { host, dataDirs } = resolveNetwork(options, session.env, 'client')
  const [dataDir = ''] = dataDirs
  const recalled = await withBootstrap(session, host, dataDir)
  const client = await openTyped(() =>
    createClient({
      onFault: (message) => session.terminal.log(plainLine(message), { level: 'warn' }),
      ...recalled,
      ...named,
      ...more,
      version: session.version,
      whenLocked: 'ephemeral',
      dataDir,
    }),
  )
  const close = async (): Promise<void> => {
    const clock = client.host.clock()
    if (!reportsClock && clock.own === 'off')
      session.terminal.log(clockAdvice(clock), { level: 'warn' })
    await rememberBootstrap(dataDir, client.host, session.terminal)
    await client.close()
  }
  return { ...client, close, [Symbol.asyncDispose]: close }
}
