import { createHost, type Host, type HostInit } from '../host/index.ts'
import type { Ledger } from '../ledger/index.ts'
import { systemClock } from '../timing/index.ts'
import { assembled } from './assembled-client.ts'
import type { Client, ClientInit } from './client.ts'
import { openLedger } from './open-ledger.ts'
import { createRequester, resolveSettings, type Settings } from './pipeline/index.ts'
import { OpenParts } from './request/index.ts'
import { openReputation, type SavedReputation } from './trust/index.ts'

/**
 * Joins the swarm as a DHT client. Resolves immediately: peers are discovered on demand.
 *
 * @throws InferenceError `invalid_request` if a limit is out of range, and what `createHost` throws
 */
export async function createClient(init: ClientInit = {}): Promise<Client> {
  const { providers: _, scorer: __, ...own } = init
  await using opened = new OpenParts()
  const { host, saved, ledger } = await openSwarm(own, init, opened)
  const client = createClientOver(host, { ...init, saved, ledger, closes: [ledger] })
  // The client closes them from now on.
  opened.release()
  return client
}

/** What a client has for one swarm. */
export interface OpenedSwarm {
  readonly host: Host
  readonly saved: SavedReputation
  readonly ledger: Ledger | undefined
}

/** The host, standings and receipts of one swarm. @param opened gets what is to be closed */
export async function openSwarm(
  own: Omit<HostInit, 'dht'>,
  { receipts, friends }: Pick<ClientInit, 'friends' | 'receipts'>,
  opened: OpenParts,
): Promise<OpenedSwarm> {
  const { dataDir, onFault, now = systemClock.wall } = own
  const host = opened.use(await createHost({ ...own, dht: 'client' }))
  const saved = opened.use(await openReputation(dataDir, now, onFault))
  const ledger = opened.use(await openLedger(host, { receipts, friends, dataDir, onFault, now }))
  return { host, saved, ledger }
}

/** Options of a client over an existing host. */
export type ClientOverInit = Omit<ClientInit, Exclude<keyof HostInit, 'now'>> & {
  readonly saved?: SavedReputation
  /** Where receipts are kept. @default none */
  readonly ledger?: Ledger | undefined
  /** Closed with the client, before the host. @default none */
  readonly closes?: readonly (AsyncDisposable | undefined)[]
}

/** Creates a client over an existing host. Closing the client closes the host. */
export function createClientOver(host: Host, init: ClientOverInit): Client {
  const { saved, ledger, closes = [] } = init
  const settings = settingsOf(init)
  const requester = createRequester(host, settings)
  const parts = new OpenParts()
  parts.use(host)
  parts.use(saved)
  for (const part of closes) parts.use(part)
  const { reputation } = settings
  return assembled(requester, settings, [{ name: '', host, saved, ledger, reputation }], parts)
}

/** @throws InferenceError `invalid_request` for a limit out of range */
export function settingsOf(init: Omit<ClientOverInit, 'closes'>): Settings {
  const { saved } = init
  return resolveSettings({ ...init, ...(saved !== undefined && { reputation: saved.reputation }) })
}
