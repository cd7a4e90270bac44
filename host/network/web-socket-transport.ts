import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { Listener, Transport } from '@libp2p/interface'
import { ipPortToMultiaddr } from '@libp2p/utils'
import { webSockets } from '@libp2p/websockets'
import { InferenceError } from '../../protocol/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'
import type { PendingSockets } from '../inbound/index.ts'

type WebSocketFactory = ReturnType<typeof webSockets>

export const WEB_SOCKET_LIMITS = {
  /** A message carries a piece of what the encryption sends, of 64 KiB at most. */
  messageBytes: 1_048_576,
  /** From the first packet to the end of the WebSocket's own handshake. */
  handshakeMs: 10_000,
} as const

const NOT_FOR_HTTP =
  'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nOnly WebSocket connections are supported'

/** The server's end of a WebSocket, of the package ws. */
interface OpenedWebSocket {
  on(type: 'error', listener: () => void): void
  close(code?: number): void
  terminate(): void
}

/** Of a connection without a close frame, in which it must not be named (RFC 6455, 7.4.1): libp2p resets connections by it. */
const ABNORMAL = 1006

/** The parts of a listener that its interface leaves out. */
interface HttpListener {
  readonly server: Server
  readonly wsServer: { readonly options: { maxPayload?: number } }
  onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void
  onWsServerConnection(opened: OpenedWebSocket, request: IncomingMessage): void
  httpRequestHandler(request: IncomingMessage): void
}

/**
 * WebSockets whose messages and sockets are bounded. The transport of libp2p takes messages of 100 MiB, knows no bound on
 * sockets that have not finished the WebSocket's handshake, after which a host's own bounds begin, leaves the error of an
 * invalid frame without a listener, which ends the process, and does not close the sockets of connections that it resets
 * or refuses.
 */
export function webSocketTransport(
  sockets: PendingSockets,
  clock: Clock = systemClock,
): (components: Parameters<WebSocketFactory>[0]) => Transport {
  const create = webSockets()
  return (components) => {
    const transport: Transport = create(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (options) => {
      const listener = createListener({ ...options, upgrader: cutting(options.upgrader) })
      if (!isHttp(listener)) {
        throw new InferenceError('internal', 'this WebSocket listener cannot be bounded')
      }
      bound(listener, sockets, clock)
      return listener
    }
    return transport
  }
}

type Upgrader = Parameters<Transport['createListener']>[0]['upgrader']

/** An upgrader that resets what it refuses: a socket that is closed waits for an answer of the other side. */
function cutting(upgrader: Upgrader): Upgrader {
  const upgradeInbound: Upgrader['upgradeInbound'] = async (connection, options) => {
    try {
      await upgrader.upgradeInbound(connection, options)
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }
  return Object.create(upgrader, { upgradeInbound: { value: upgradeInbound } }) as Upgrader
}

function isHttp(listener: Listener): listener is HttpListener & Listener {
  const parts = ['server', 'wsServer', 'onUpgrade', 'onWsServerConnection', 'httpRequestHandler']
  return parts.every((part) => part in listener)
}

function bound(listener: HttpListener, sockets: PendingSockets, clock: Clock): void {
  listener.wsServer.options.maxPayload = WEB_SOCKET_LIMITS.messageBytes
  const pending = new Map<Socket, () => void>()
  listener.server.prependListener('connection', (socket: Socket) => {
    const { remoteAddress, remotePort } = socket
    if (remoteAddress === undefined || remotePort === undefined) return socket.destroy()
    const incoming = {
      remoteAddr: ipPortToMultiaddr(remoteAddress, remotePort),
      abort: () => socket.destroy(),
      addEventListener: (_: 'close', run: () => void) => socket.once('close', run),
    }
    if (!sockets.admit(incoming)) return socket.destroy()
    const deadline = clock.after(WEB_SOCKET_LIMITS.handshakeMs, () => socket.destroy(), {
      background: true,
    })
    const settle = (): void => {
      deadline[Symbol.dispose]()
      sockets.settle(incoming)
      pending.delete(socket)
    }
    pending.set(socket, settle)
    return socket.once('close', settle)
  })
  const onUpgrade = listener.onUpgrade.bind(listener)
  listener.onUpgrade = (request, socket, head) => {
    // The connection that begins now is counted by itself.
    pending.get(socket)?.()
    onUpgrade(request, socket, head)
  }
  const onOpened = listener.onWsServerConnection.bind(listener)
  listener.onWsServerConnection = (opened, request) => {
    opened.on('error', () => opened.terminate())
    const close = opened.close.bind(opened)
    opened.close = (code) => (code === ABNORMAL ? opened.terminate() : close(code))
    onOpened(opened, request)
  }
  listener.httpRequestHandler = ({ socket }) => {
    // Thousands may arrive in one read: what follows the first is not answered, and no more is read.
    if (!socket.writable) return
    socket.end(NOT_FOR_HTTP)
    // Only then is it known that Node does not resume the socket itself, as it does after each request that it parses.
    process.nextTick(() => {
      socket.pause()
      socket.destroySoon()
    })
  }
}
