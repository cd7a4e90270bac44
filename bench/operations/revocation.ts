import { createSandbox, LOOPBACK } from '../../testing/cli/index.ts'
import { startPeer } from '../peer-process.ts'
import { requestStream } from '../stream-request.ts'

/** Tokens of an answer that would run for minutes. */
const LONG = 4_000

export interface Revocation {
  /** From the command's start to the end of the revoked machine's open stream, at another member. */
  readonly streamEndedMs: number
  /** From the command's start to its end. */
  readonly commandMs: number
}

/** Takes a node out of a swarm with members while it answers a third machine. */
export async function revocation(): Promise<Revocation> {
  await using stack = new AsyncDisposableStack()
  const engine = stack.use(await startPeer({ kind: 'engine', paceMs: 50 }))
  const [admin, member, caller] = await Promise.all([
    createSandbox(),
    createSandbox(),
    createSandbox(),
  ])
  for (const sandbox of [admin, member, caller]) stack.defer(() => sandbox.close())
  await admin.run(['swarm', 'create', 'acme', '--machine', 'office'])
  await admin.start(['bootstrap', '--json', ...LOOPBACK]).event('ready')
  for (const [name, sandbox] of [
    ['studio', member],
    ['desk', caller],
  ] as const) {
    const made = await admin.run(['swarm', 'invite', '--name', name, '--json'])
    const [{ invite = '' } = {}] = made.events()
    await sandbox.run(['join', invite, '--json'])
  }
  const shared = ['--backend', engine.addresses[0] ?? '', '--share', 'scripted']
  await member.start(['node', '--json', ...LOOPBACK, ...shared]).event('ready')
  const gateway = caller.start(['gateway', '--json', '--port', '0', ...LOOPBACK])
  const { url } = await gateway.event('ready')
  const response = await requestStream({ url }, LONG)
  if (!response.ok || response.body === null) throw new Error(await response.text())
  const reader = response.body.getReader()
  await reader.read()
  const begin = performance.now()
  const ended = (async (): Promise<number> => {
    let text = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (value !== undefined) text = (text + Buffer.from(value).toString()).slice(-2_000)
      // The gateway has no other node: the caller gets an error that says so.
      if (done || text.includes('"error"')) return performance.now() - begin
    }
  })()
  await admin.run(['swarm', 'revoke', 'studio', '--json'])
  const commandMs = performance.now() - begin
  return { streamEndedMs: await ended, commandMs }
}
