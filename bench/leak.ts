import { createSandbox } from '../testing/cli/index.ts'
import { bundleCommands } from './bundled-commands.ts'
import { startPeer } from './peer-process.ts'
import { type Report, round } from './report.ts'
import { residentKib } from './resident.ts'
import { CONNECTIONS, streamedLoad, TOKENS } from './streamed-load.ts'

const FIRST = 7_000
const MAX_RUN_MS = 3_600_000

/** Memory of the package's gateway after many small requests, and after many times more. */
export async function leak(quick: boolean): Promise<Report> {
  const steps = quick ? [FIRST, 2 * FIRST] : [FIRST, 2 * FIRST, 5 * FIRST, 10 * FIRST]
  const sandbox = await createSandbox(MAX_RUN_MS, await bundleCommands())
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => sandbox.close())
  const node = cleanup.use(await startPeer({ kind: 'node', engine: 'scripted' }))
  const known = node.addresses.flatMap((address) => ['--bootstrap', address])
  const gateway = sandbox.start(['gateway', '--json', '--port', '0', ...known])
  const { url } = await gateway.event('ready')
  const { pid = 0 } = gateway
  const rows: Record<string, string | number>[] = []
  let done = 0
  let first = 0
  for (const upTo of steps) {
    await streamedLoad({ url }, upTo - done)
    done = upTo
    const kib = residentKib(pid)
    first ||= kib
    rows.push({ requests: upTo, 'RSS MiB': round(kib / 1024), ratio: round(kib / first) })
  }
  return {
    title: `a gateway's resident memory after streamed answers of ${TOKENS} tokens, ${CONNECTIONS} at a time`,
    rows,
    notes: ['The command of the package.', 'Goals: a ratio of 1.1 at most, and 200 MiB.'],
  }
}
