import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { InferenceError } from '../../protocol/index.ts'
import { DIRECT_PATH } from './limits.ts'

/**
 * Makes sure that sockets can be opened: libdatachannel ends the process where it gets none, because no file descriptor
 * or port is left. Several are tried, as other threads open files meanwhile. They are closed when this resolves: use them
 * at once.
 *
 * @throws InferenceError `dial_failed`
 */
export async function needSpareSockets(): Promise<void> {
  const sockets: Socket[] = []
  try {
    for (let index = 0; index < DIRECT_PATH.spareSockets; index += 1) {
      const socket = createSocket('udp4')
      sockets.push(socket)
      const bound = once(socket, 'listening')
      socket.bind(0)
      await bound
    }
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException
    throw new InferenceError('dial_failed', `no direct path: no free UDP socket (${code})`, {
      cause,
    })
  } finally {
    for (const socket of sockets) socket.close()
  }
}
