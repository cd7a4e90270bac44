import { createServer } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'
import { readStored, writeStored } from '../storage/index.ts'

/** Ports picked earlier for listen addresses with port 0, by address as given. */
export type ListenPorts = Readonly<Record<string, number>>

const ANY_PORT = /\/(tcp|udp)\/0(?=\/|$)/

/** @param onFault receives a message for the operator if the file is damaged */
export async function loadListenPorts(
  path: string,
  onFault: (message: string) => void,
): Promise<ListenPorts> {
  const consequence = 'ports are picked again'
  return (await readStored(path, { parse: parsed, consequence, onFault })) ?? {}
}

function parsed(text: string): ListenPorts | undefined {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const entries: [string, unknown][] = Object.entries(value)
  const isPort = (entry: [string, unknown]): entry is [string, number] =>
    Number.isInteger(entry[1]) && Number(entry[1]) > 0 && Number(entry[1]) < 65_536
  return entries.every(isPort) ? Object.fromEntries(entries) : undefined
}

/** The addresses to listen on, with stored ports if these are free. */
export async function withKnownPorts(
  listen: readonly string[],
  known: ListenPorts,
): Promise<string[]> {
  return await Promise.all(
    listen.map(async (address) => {
      const port = known[address]
      if (port === undefined || !ANY_PORT.test(address)) return address
      const host = address.split('/')[2] ?? ''
      return (await isFree(host, port)) ? address.replace(ANY_PORT, `/$1/${port}`) : address
    }),
  )
}

/**
 * Stores the ports that were picked.
 *
 * @param listen as given by the user
 * @param bound as bound, with or without interfaces and peer id
 */
export async function saveListenPorts(
  path: string,
  listen: readonly string[],
  bound: readonly Multiaddr[],
): Promise<void> {
  const ports: Record<string, number> = {}
  for (const address of listen) {
    const [, family, , transport, , ...rest] = address.split('/')
    if (!ANY_PORT.test(address)) continue
    const match = bound
      .map((candidate) => candidate.toString().split('/'))
      .find((parts) => {
        const tail = parts
          .slice(5)
          .filter((part, index, all) => part !== 'p2p' && all[index - 1] !== 'p2p')
        return parts[1] === family && parts[3] === transport && tail.join('/') === rest.join('/')
      })
    if (match !== undefined) ports[address] = Number(match[4])
  }
  if (Object.keys(ports).length > 0) await writeStored(path, JSON.stringify(ports))
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
