import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createHost, type Host, type HostInit } from '../../host/index.ts'
import { PROTOCOLS, sealAdvertisement } from '../../protocol/index.ts'
import { MODEL } from '../unit/host/advertisement-maker.ts'

export const LOOPBACK: readonly string[] = ['/ip4/127.0.0.1/tcp/0']

/** Ends after the test whatever it is given. Hooks of this file would hold for the first file only that loads it. */
export function track<T extends AsyncDisposable>(resource: T): T {
  onTestFinished(async () => await resource[Symbol.asyncDispose]())
  return resource
}

export async function startHost(init: Partial<HostInit> = {}): Promise<Host> {
  return track(await createHost({ dht: 'server', listen: LOOPBACK, ...init }))
}

export async function createDataDir(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'skein-host-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

export const addressesOf = (host: Host): string[] => host.addresses().map(String)

/** Signs and offers an advertisement of one model, as a node does. */
export async function advertise(
  host: Host,
  overrides: Partial<Parameters<typeof sealAdvertisement>[0]> = {},
): Promise<Uint8Array> {
  const issuedAtMs = Date.now()
  const envelope = await sealAdvertisement(
    {
      sequence: BigInt(issuedAtMs),
      issuedAtMs,
      expiresAtMs: issuedAtMs + 600_000,
      protocols: [PROTOCOLS.inference],
      addresses: host.addresses(),
      models: [MODEL],
      slots: 1,
      prefillRate: 0,
      decodeRate: 0,
      maxTokens: 0,
      operator: '',
      ...overrides,
    },
    host.privateKey,
  )
  await host.offerAdvertisement(envelope)
  return envelope
}

/** Resolves when the host's book satisfies the condition. */
export function untilBook(host: Host, condition: (host: Host) => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (condition(host)) {
      resolve()
      return
    }
    const unsubscribe = host.book.onUpdate(() => {
      if (!condition(host)) return
      unsubscribe()
      resolve()
    })
  })
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
