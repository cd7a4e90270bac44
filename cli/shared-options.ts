import { readFileSync } from 'node:fs'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { decodeInvite, type HostInit } from '../host/index.ts'
import { bootstrapSource } from './bootstrap-source.ts'
import { dataDirectories, type Role } from './directories.ts'
import type { Environment } from './environment.ts'
import { UsageError } from './usage-error.ts'

/** Options that every command takes, as they were typed. */
export interface SharedOptions {
  readonly dataDir?: string
  readonly bootstrap?: readonly string[]
  readonly listen?: readonly string[]
  readonly announce?: readonly string[]
  readonly noAnnounce?: readonly string[]
  readonly invite?: string
  readonly mdns?: boolean
  readonly json?: boolean
}

/** The resolved shared options. */
export interface Network {
  readonly host: Omit<HostInit, 'dht' | 'dataDir'>
  /** Data directories for this command in order of preference. One entry if `--data-dir` was typed. */
  readonly dataDirs: readonly string[]
}

/** Adds the options that every command takes. */
export function withSharedOptions(command: Command): Command {
  return command
    .option(
      '--data-dir <dir>',
      'directory for identity and known peers (default: under XDG_DATA_HOME)',
    )
    .option(
      '--bootstrap <where>',
      'a peer to join through, ending in /p2p/…; or several: /dnsaddr/NAME, @FILE, https://…#SIGNER; repeatable (or SKEIN_BOOTSTRAP)',
      addBootstrap,
    )
    .option(
      '--listen <multiaddr>',
      'listen here, e.g. /ip4/0.0.0.0/tcp/4801; repeatable',
      addMultiaddr,
    )
    .option(
      '--announce <multiaddr>',
      'also announce this address, e.g. of a forwarded port; repeatable (or SKEIN_ANNOUNCE)',
      addMultiaddr,
    )
    .addOption(noAnnounceOption())
    .option(
      '--invite <string>',
      'join the private swarm of this invite; @FILE reads it (or SKEIN_INVITE)',
    )
    .option('--no-mdns', 'do not look for peers on the local network (or SKEIN_MDNS=0)')
    .addOption(new Option('--json', 'stdout: one JSON object a line; logs on stderr'))
}

/**
 * Resolves command line, environment and defaults.
 *
 * @throws UsageError if an invite or an environment variable is invalid
 */
export function resolveNetwork(options: SharedOptions, env: Environment, role: Role): Network {
  const inviteText = options.invite ?? nonEmpty(env.SKEIN_INVITE)
  const invite = inviteText === undefined ? undefined : readInvite(inviteText, '--invite: ')
  const typed = options.bootstrap ?? listIn(env, 'SKEIN_BOOTSTRAP', bootstrapSource)
  const announce = options.announce ?? listIn(env, 'SKEIN_ANNOUNCE', parsedMultiaddr)
  const bootstrap = [...new Set([...typed, ...(invite?.bootstrap ?? [])])]
  return {
    host: {
      bootstrap,
      mdns: options.mdns !== false && env.SKEIN_MDNS !== '0',
      ...(options.listen !== undefined && { listen: options.listen }),
      ...(announce.length > 0 && { announce }),
      ...(options.noAnnounce !== undefined && { noAnnounce: options.noAnnounce }),
      ...(invite !== undefined && { swarmKey: invite.swarmKey }),
    },
    dataDirs:
      options.dataDir === undefined
        ? dataDirectories(env, role, invite?.swarmKey)
        : [options.dataDir],
  }
}

/** For repeatable options whose values are multiaddrs. */
function addMultiaddr(value: string, previous: readonly string[] = []): string[] {
  return [...previous, parsedMultiaddr(value)]
}

function addBootstrap(value: string, previous: readonly string[] = []): string[] {
  return [...previous, bootstrapSource(value)]
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

/** For repeatable options. */
export function addValue(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value]
}

/** For repeatable options whose values are peer ids. */
export function addPeer(value: string, previous: readonly string[] = []): string[] {
  return [...previous, peerId(value)]
}

/** For options that take a peer id. */
export function peerId(value: string): string {
  try {
    return peerIdFromString(value).toString()
  } catch {
    throw new InvalidArgumentError(
      'It must be a full peer id, as `skein peers` prints it: 12D3Koo….',
    )
  }
}

/** For options that take a name of something. */
export function nonEmptyText(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  return value
}

/** For options that take a whole number from `min` to `max`. */
export function wholeNumber(min: number, max?: number): (value: string) => number {
  const range = max === undefined ? `${min} or more` : `${min} to ${max}`
  return (value) => {
    const number = Number(value)
    const isInside = number >= min && number <= (max ?? Number.MAX_SAFE_INTEGER)
    if (!Number.isSafeInteger(number) || !isInside || value.trim() === '') {
      throw new InvalidArgumentError(`It must be a whole number, ${range}.`)
    }
    return number
  }
}

/** For options that take any number in a range. */
export function numberBetween(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (!(number >= min && number <= max) || value.trim() === '') {
      throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`)
    }
    return number
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

function listIn(
  env: Environment,
  variable: 'SKEIN_BOOTSTRAP' | 'SKEIN_ANNOUNCE',
  parse: (word: string) => string,
): string[] {
  const words = (env[variable] ?? '').split(/[\s,]+/).filter((word) => word !== '')
  return words.map((word) => {
    try {
      return parse(word)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new UsageError(`${variable}: ${word}: ${why}`)
    }
  })
}

/**
 * Reads an invite, or the file that `@FILE` names.
 *
 * @throws UsageError, its message beginning with `prefix`.
 */
export function readInvite(text: string, prefix = ''): ReturnType<typeof decodeInvite> {
  try {
    return decodeInvite((text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text).trim())
  } catch (error) {
    throw new UsageError(`${prefix}${error instanceof Error ? error.message : String(error)}`)
  }
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value
}
