import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** One direction of a path. */
export interface Gate {
  /** Keeps back what comes from now on. */
  hold(): void
  /** Passes on what was kept back, and all that follows. */
  open(): void
  /** Passes on what was kept back, and keeps back what follows. */
  pass(): void
  /** Bytes kept back. */
  readonly heldBytes: number
}

/** A TCP path to a port of loopback whose two directions can be shut: shows what waits for what, without a clock. */
export interface GatedPath extends AsyncDisposable {
  readonly port: number
  readonly there: Gate
  readonly back: Gate
}

export async function startGatedPath(target: number): Promise<GatedPath> {
  const there = new HeldBytes()
  const back = new HeldBytes()
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    socket.setNoDelay(true)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    keep(near)
    keep(far)
    near.on('data', (bytes) => there.carry(bytes, far))
    far.on('data', (bytes) => back.carry(bytes, near))
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    there,
    back,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

class HeldBytes implements Gate {
  #isShut: boolean = false
  #held: (readonly [Uint8Array, Socket])[] = []

  get heldBytes(): number {
    return this.#held.reduce((sum, [bytes]) => sum + bytes.byteLength, 0)
  }

  carry(bytes: Uint8Array, to: Socket): void {
    if (this.#isShut) this.#held.push([bytes, to])
    else to.write(bytes)
  }

  hold(): void {
    this.#isShut = true
  }

  open(): void {
    this.#isShut = false
    this.pass()
  }

  pass(): void {
    for (const [bytes, to] of this.#held.splice(0)) to.write(bytes)
  }
}
