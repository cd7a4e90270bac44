import {
  type Client,
  type ClientInit,
  type ClientOverInit,
  createClient,
  createSwarmsClient,
  type SwarmInit,
} from '../client/index.ts'
import type { HostInit } from '../host/index.ts'
import { plainLine } from '../protocol/index.ts'
import { clockAdvice } from './clock-report.ts'
import { type ModelOptions, modelsOf } from './model-options.ts'
import { withBootstrap } from './named-bootstrap.ts'
import { openTyped } from './open-typed.ts'
import { useProxy } from './proxy.ts'
import { rememberBootstrap } from './remembered-bootstrap.ts'
import type { Session } from './runtime.ts'
import { type ClientNetwork, clientNetworks, type SharedOptions } from './shared-options.ts'

interface OpenOptions
  extends Pick<
    ClientInit,
    'canaries' | 'friends' | 'onEvent' | 'onPrompt' | 'receipts' | 'traces'
  > {
  /** The command itself reports a clock that is off. @default false: reported when the client closes */
  readonly reportsClock?: boolean
}

/**
 * The client of a command, in one swarm or in several. Several clients may run at once; later ones get a temporary
 * identity.
 */
export async function openClient(
  session: Session,
  options: SharedOptions & ModelOptions,
  { reportsClock = false, ...more }: OpenOptions = {},
): Promise<Client> {
  session.signal.throwIfAborted()
  const named = modelsOf(options, session.env)
  if (named.providers !== undefined && named.providers.length > 0) useProxy(session)
  const networks = clientNetworks(options, session.env)
  const [first, ...others] = await Promise.all(networks.map((each) => hostInit(session, each)))
  if (first === undefined) throw new Error('unreachable: there is a first network')
  const client = await openTyped(() => create([first, ...others], { ...named, ...more }))
  const hosts = [client.host, ...client.swarms.slice(1).map(({ host }) => host)]
  const close = async (): Promise<void> => {
    for (const [index, host] of hosts.entries()) {
      const { dataDir = '' } = networks[index] ?? {}
      await rememberBootstrap(dataDir, host, session.terminal)
    }
    const clock = client.host.clock()
    if (!reportsClock && clock.own === 'off')
      session.terminal.log(clockAdvice(clock), { level: 'warn' })
    await client.close()
  }
  return { ...client, close, [Symbol.asyncDispose]: close }
}

interface NamedHost {
  readonly name?: string
  readonly host: Omit<HostInit, 'dht'>
}

async function hostInit(
  session: Session,
  { name, host, dataDir }: ClientNetwork,
): Promise<NamedHost> {
  const prefix = name === undefined ? '' : `${name}: `
  return {
    ...(name !== undefined && { name }),
    host: {
      onFault: (message) =>
        session.terminal.log(plainLine(`${prefix}${message}`), { level: 'warn' }),
      ...(await withBootstrap(session, host, dataDir)),
      version: session.version,
      whenLocked: 'ephemeral',
      dataDir,
    },
  }
}

async function create(
  [first, second, ...others]: readonly [NamedHost, ...NamedHost[]],
  more: Omit<ClientOverInit, 'closes' | 'ledger' | 'saved'>,
): Promise<Client> {
  if (second === undefined) return await createClient({ ...more, ...first.host })
  const swarm = ({ name = '', host }: NamedHost): SwarmInit => ({ name, ...host })
  return await createSwarmsClient({
    ...more,
    swarms: [swarm(first), swarm(second), ...others.map(swarm)],
  })
}
