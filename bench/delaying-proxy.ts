import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'

/** A TCP proxy that holds every byte back for a while, each way: a long path without its own network. */
export async function startDelayingProxy(
  to: { readonly host: string; readonly port: number },
  delayMs: number,
): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ ...to, allowHalfOpen: true })
    carry(near, far, delayMs)
    carry(far, near, delayMs)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Timers of one length fire in the order they were set, so the bytes keep theirs. */
function carry(from: Socket, to: Socket, delayMs: number): void {
  from.setNoDelay(true)
  const later = (act: () => void): void => {
    setTimeout(act, delayMs)
  }
  from.on('data', (bytes) => later(() => to.write(bytes)))
  from.on('end', () => later(() => to.end()))
  from.on('error', () => later(() => to.destroy()))
}
