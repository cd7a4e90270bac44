import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import { PeerRates } from '../peer-rates.ts'
import { STUN } from './limits.ts'
import { bindingResponse } from './stun-message.ts'

export interface StunServerInit {
  /** IPv4 address to listen at. */
  readonly ip: string
  /** 0: one of the system's choice. */
  readonly port: number
  readonly now: () => number
  /** Stops the server. */
  readonly signal: AbortSignal
}

/**
 * Tells peers at which IPv4 socket they are seen. A packet's source can be forged, so no answer is longer than its
 * question, and answers to an address, to a network, and in all are few. Requests beyond that are dropped.
 *
 * @returns the port
 * @throws Error if the port cannot be opened
 */
export async function serveStun({ ip, port, now, signal }: StunServerInit): Promise<number> {
  signal.throwIfAborted()
  const mayAnswer = stunAdmission(now)
  const socket = createSocket('udp4')
  socket.on('message', (request: Uint8Array, from: RemoteInfo) => {
    if (request.length > STUN.maxRequestBytes) return
    const response = bindingResponse(request, from)
    if (response !== undefined && mayAnswer(from)) socket.send(response, from.port, from.address)
  })
  socket.bind(port, ip)
  await once(socket, 'listening', { signal }).catch((error: unknown) => {
    socket.close()
    throw error
  })
  // Later errors are of single packets.
  socket.on('error', () => {})
  socket.unref()
  signal.addEventListener('abort', () => socket.close(), { once: true })
  return socket.address().port
}

/** Whether one more answer may be sent to a socket. */
export function stunAdmission(
  now: () => number,
): (from: { readonly address: string; readonly port: number }) => boolean {
  const addresses = new PeerRates(STUN.perAddress)
  const networks = new PeerRates(STUN.perNetwork)
  const total = new PeerRates(STUN.total)
  return ({ address, port }) => {
    if (!isIPv4(address) || port < STUN.minPort) return false
    const nowMs = now()
    const network = address.split('.').slice(0, 3).join('.')
    // The narrowest first, so that one address does not use up what others get.
    return (
      addresses.take(address, nowMs) && networks.take(network, nowMs) && total.take('all', nowMs)
    )
  }
}
