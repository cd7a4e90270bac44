import { connect } from 'node:net'
import { openScope } from '../../timing/index.ts'
import { SAME_NETWORK } from './limits.ts'

/** Whether a TCP port accepts a connection, which is closed at once. Never rejects. */
export async function knock(
  { ip, port }: { readonly ip: string; readonly port: number },
  signal: AbortSignal,
): Promise<boolean> {
  using scope = openScope({ timeoutMs: SAME_NETWORK.knockTimeoutMs }, { signal })
  return await new Promise((resolve) => {
    const socket = connect({ host: ip, port, signal: scope.signal })
    socket.once('connect', () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
  })
}
