import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { decodeInvite, type HostInit } from '../host/index.ts'
import { defined } from '../protocol/index.ts'
import { bootstrapSource } from './bootstrap-source.ts'
import { dataDirectories, type Role } from './directories.ts'
import type { Environment } from './environment.ts'
import { configOption, dataDirOption, jsonOption } from './local-options.ts'
import { type LogOptions, withLogOptions } from './log/index.ts'
import { addValue, nonEmptyText, repeatable } from './option-parsers.ts'
import { currentSwarm, type JoinedSwarm, NO_SWARM, namedSwarm } from './swarms/index.ts'
import { UsageError } from './usage-error.ts'

/** Options that every command takes, as they were typed. */
export interface SharedOptions extends LogOptions {
  readonly dataDir?: string
  readonly bootstrap?: readonly string[]
  readonly listen?: readonly string[]
  readonly announce?: readonly string[]
  readonly noAnnounce?: readonly string[]
  readonly invite?: string
  /** More than one: the command is in several swarms, the first being the default. */
  readonly swarm?: readonly string[]
  readonly swarmName?: string
  readonly mdns?: boolean
  readonly upnp?: boolean
  readonly webrtc?: boolean
  readonly config?: string
  readonly json?: boolean
}

interface MemberOptions extends SharedOptions {
  /** Of `skein up`: a private swarm of its own. */
  readonly private?: boolean
}

/** The resolved shared options. */
export interface Network {
  readonly host: Omit<HostInit, 'dht' | 'dataDir'>
  /** Data directories for this command in order of preference. One entry if `--data-dir` was typed. */
  readonly dataDirs: readonly string[]
}

/** Adds the options that every command takes. */
export function withSharedOptions(command: Command): Command {
  return withLogOptions(command)
    .addOption(dataDirOption())
    .option(
      '--bootstrap <where>',
      'a peer to join through, ending in /p2p/…; or several: /dnsaddr/NAME, @FILE, https://…#SIGNER; repeatable',
      addBootstrap,
    )
    .option(
      '--listen <multiaddr>',
      'listen here, e.g. /ip4/0.0.0.0/tcp/4801; repeatable',
      addMultiaddr,
    )
    .option(
      '--announce <multiaddr>',
      'also announce this address, e.g. of a forwarded port; repeatable',
      addMultiaddr,
    )
    .addOption(noAnnounceOption())
    .option('--invite <string>', 'join the private swarm of this invite; @FILE reads it')
    .option(
      '--swarm <name>',
      'a swarm with members that this machine is in; none: not in one; repeatable where a command asks models (default: the one joined last, unless --invite or --swarm-name names another)',
      addSwarm,
    )
    .option(
      '--swarm-name <name>',
      'name of the swarm: on the local network only peers of this name are found (default: after the first --bootstrap)',
      swarmNameOption,
    )
    .option('--no-mdns', 'do not look for peers on the local network')
    .option(
      '--no-upnp',
      'do not ask the router, by NAT-PMP or UPnP, to forward a port of a node or bootstrap peer',
    )
    .option(
      '--no-webrtc',
      'open no direct paths by WebRTC to peers behind NAT; of a bootstrap peer: do not answer STUN',
    )
    .addOption(configOption())
    .addOption(jsonOption())
}

/**
 * Resolves the options that every command takes.
 *
 * @param env says where directories are
 * @throws UsageError if the invite is invalid
 */
export function resolveNetwork(options: SharedOptions, env: Environment, role: Role): Network {
  const { invite: text, announce } = options
  const invite = text === undefined ? undefined : readInvite(text, '--invite: ')
  const members = memberSwarm(options, env)
  const bootstrap = [...new Set([...(options.bootstrap ?? []), ...(invite?.bootstrap ?? [])])]
  return {
    host: {
      bootstrap,
      mdns: options.mdns !== false,
      portMapping: options.upnp !== false,
      webrtc: options.webrtc !== false,
      ...defined({
        swarmName: options.swarmName,
        listen: options.listen,
        announce,
        noAnnounce: options.noAnnounce,
      }),
      ...(invite !== undefined && { swarmKey: invite.swarmKey }),
      ...(members !== undefined && { membership: members.directory }),
    },
    dataDirs:
      options.dataDir === undefined
        ? dataDirectories(env, role, {
            ...{ swarmKey: invite?.swarmKey, name: options.swarmName },
            members: members?.name,
          })
        : [options.dataDir],
  }
}

/** The swarm with members that the options mean. @throws UsageError for one that this machine is not in */
export function memberSwarm(
  { swarm, invite, swarmName, private: own }: MemberOptions,
  env: Environment,
): JoinedSwarm | undefined {
  const isOther = invite !== undefined || swarmName !== undefined || own === true
  const [only, ...more] = [...new Set(swarm)]
  if (only === undefined) return isOther ? undefined : currentSwarm(env)
  if (more.length > 0) {
    throw new UsageError(
      'this command is in one swarm: name one with --swarm. `gateway`, `ask`, `chat`, `batch`, `models` and `peers` take several',
    )
  }
  if (only === NO_SWARM) return undefined
  if (isOther) throw new UsageError('--swarm names one swarm, and another option a second: use one')
  return namedSwarm(env, only)
}

/** A network of a client that may be in several swarms. */
export interface ClientNetwork {
  /** Absent if it is the only one. */
  readonly name?: string
  readonly host: Network['host']
  readonly dataDir: string
}

/**
 * The networks of a command that asks models: one, or one for each `--swarm`, the default first.
 *
 * @throws UsageError for a swarm that this machine is not in, or an option that fits one swarm only
 */
export function clientNetworks(
  options: SharedOptions,
  env: Environment,
): readonly [ClientNetwork, ...ClientNetwork[]] {
  const [first, ...others] = [...new Set(options.swarm)]
  if (first === undefined || others.length === 0) return [clientNetwork(options, env)]
  const ofOne = (['bootstrap', 'listen', 'announce'] as const).find((name) => options[name])
  if (ofOne !== undefined) {
    throw new UsageError(`--${ofOne} means one swarm, and --swarm names ${others.length + 1}`)
  }
  if ([first, ...others].includes(NO_SWARM)) {
    throw new UsageError('--swarm none names no swarm, and another --swarm does: use one')
  }
  const of = (name: string): ClientNetwork => {
    const dataDir = options.dataDir === undefined ? undefined : join(options.dataDir, name)
    return { name, ...clientNetwork({ ...options, swarm: [name], ...defined({ dataDir }) }, env) }
  }
  return [of(first), ...others.map(of)]
}

function clientNetwork(options: SharedOptions, env: Environment): Omit<ClientNetwork, 'name'> {
  const { host, dataDirs } = resolveNetwork(options, env, 'client')
  const [dataDir = ''] = dataDirs
  return { host, dataDir }
}

/** Where a client, and the gateway over it, keep what belongs to no swarm: that of the default swarm unless typed. */
export function clientDirectory(options: SharedOptions, env: Environment): string {
  return options.dataDir ?? clientNetworks(options, env)[0].dataDir
}

const addSwarm = repeatable(nonEmptyText)
const addMultiaddr = repeatable(parsedMultiaddr)
const addBootstrap = repeatable(bootstrapSource)

function swarmNameOption(value: string): string {
  if (/^[\w.-]{1,63}$/.test(value)) return value
  throw new InvalidArgumentError(
    'It must have 1 to 63 letters, digits, dots, dashes or underscores.',
  )
}

function parsedMultiaddr(value: string): string {
  try {
    return multiaddr(value).toString()
  } catch {
    throw new InvalidArgumentError(
      'It is not a multiaddr, which looks like /ip4/127.0.0.1/tcp/4801.',
    )
  }
}

/** commander treats `--no-…` as the negation of another option; this one takes a value. */
function noAnnounceOption(): Option {
  const option = new Option(
    '--no-announce <network>',
    'never announce addresses in this network, e.g. 10.0.0.0/8; repeatable',
  )
  option.negate = false
  return option.argParser(addValue)
}

/**
 * Reads an invite, or the file that `@FILE` names.
 *
 * @throws UsageError, its message beginning with `prefix`.
 */
export function readInvite(text: string, prefix = ''): ReturnType<typeof decodeInvite> {
  try {
    return decodeInvite(textOrFile(text))
  } catch (error) {
    throw new UsageError(`${prefix}${error instanceof Error ? error.message : String(error)}`)
  }
}

/**
 * The text itself, or what the file that `@FILE` names contains.
 *
 * @throws UsageError, its message beginning with `prefix`, for a file that cannot be read.
 */
export function textOrFile(text: string, prefix = ''): string {
  if (!text.startsWith('@')) return text
  try {
    return readFileSync(text.slice(1), 'utf8')
  } catch (error) {
    throw new UsageError(`${prefix}${error instanceof Error ? error.message : String(error)}`)
  }
}
