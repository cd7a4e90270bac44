import type { HostInit } from '../host/index.ts'
import { defined, InferenceError } from '../protocol/index.ts'
import { assembled } from './assembled-client.ts'
import type { Client } from './client.ts'
import { type ClientOverInit, openSwarm, settingsOf } from './create-client.ts'
import { createSwarmsRequester } from './pipeline/index.ts'
import { OpenParts } from './request/index.ts'

/** Options of a client in several swarms. */
export interface SwarmsClientInit extends Omit<ClientOverInit, 'closes' | 'ledger' | 'saved'> {
  /** The default swarm first. */
  readonly swarms: readonly [SwarmInit, SwarmInit, ...SwarmInit[]]
}

/** One of several swarms. */
export interface SwarmInit extends Omit<HostInit, 'dht' | 'now'> {
  /** Its models are called `name/model`. 1 to 63 letters, digits, dots, dashes or underscores. */
  readonly name: string
}

/**
 * Joins several swarms, none of which learns of the others: each has an identity, connections, caches and standings of its
 * own, and a data directory of its own. Models are called `swarm/model`; chains and aliases may lead from one swarm to the
 * next. A plain name means a model of the first swarm, or of the only other one that serves it if the first is reached and
 * does not; `auto` means the models of the first swarm.
 *
 * @throws InferenceError `invalid_request` for names or data directories that are equal, and what `createClient` throws
 */
export async function createSwarmsClient(init: SwarmsClientInit): Promise<Client> {
  const { swarms, ...shared } = init
  checkSwarms(swarms)
  const settings = settingsOf(shared)
  await using opened = new OpenParts()
  const open = async ({ name, ...host }: SwarmInit) => {
    const part = await openSwarm({ ...host, ...defined({ now: init.now }) }, shared, opened)
    const own = settingsOf({ ...shared, ...part })
    return { ...part, name, settings: own, reputation: own.reputation }
  }
  const [first, ...others] = swarms
  const all = [await open(first), ...(await Promise.all(others.map(open)))] as const
  const requester = createSwarmsRequester(all, settings)
  // The client closes them from now on.
  opened.release()
  const parts = new OpenParts()
  for (const { host, saved, ledger } of all) {
    parts.use(host)
    parts.use(saved)
    parts.use(ledger)
  }
  return assembled(requester, settings, all, parts)
}

function checkSwarms(swarms: readonly SwarmInit[]): void {
  const bad = swarms.find(
    ({ name }) => !/^[\w.-]{1,63}$/.test(name) || name.toLowerCase() === 'auto',
  )
  if (bad !== undefined) {
    throw refused(
      `'${bad.name}' cannot be the name of a swarm: it must have 1 to 63 letters, digits, dots, dashes or underscores, and not be 'auto'`,
    )
  }
  const twice = repeated(swarms.map(({ name }) => name.toLowerCase()))
  if (twice !== undefined) {
    throw refused(`two swarms are called '${twice}': their models could not be told apart`)
  }
  const shared = repeated(swarms.flatMap(({ dataDir }) => dataDir ?? []))
  if (shared !== undefined) {
    throw refused(`two swarms cannot share the data directory ${shared}: each has its own identity`)
  }
}

function repeated(texts: readonly string[]): string | undefined {
  return texts.find((text, at) => texts.indexOf(text) !== at)
}

function refused(message: string): InferenceError {
  return new InferenceError('invalid_request', message, { details: { param: 'swarms' } })
}
