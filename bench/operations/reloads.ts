import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSandbox, LOOPBACK } from '../../testing/cli/index.ts'
import { startPeer } from '../peer-process.ts'
import { answers, startLoad } from './steady-load.ts'

const CALLERS = 8
/** Answers between two reloads. */
const BETWEEN = 20

export interface Reloads {
  readonly reloads: number
  readonly answered: number
  readonly lost: readonly string[]
  /** From SIGHUP to the event that says what holds. */
  readonly reloadMs: readonly number[]
}

/** Reloads changed providers and limits of a gateway again and again, while callers ask. */
export async function reloads(count: number): Promise<Reloads> {
  await using stack = new AsyncDisposableStack()
  const engine = stack.use(await startPeer({ kind: 'engine', paceMs: 10 }))
  const sandbox = await createSandbox()
  stack.defer(() => sandbox.close())
  const config = join(sandbox.home, 'skein.yaml')
  // Each version names the provider anew and raises a limit, so that both are replaced.
  const write = async (version: number): Promise<void> => {
    const url = `${engine.addresses[0]}/v1`
    await writeFile(
      config,
      `gateway:\n  provider:\n    cloud-${version}: ${url}\n  alias:\n    scripted: cloud-${version}/scripted\n  requests-per-minute: ${1_000_000 + version}\n`,
    )
  }
  await write(0)
  const options = ['--json', '--port', '0', '--config', config, ...LOOPBACK]
  const gateway = sandbox.start(['gateway', ...options])
  const { url } = await gateway.event('ready')
  const load = startLoad(url, CALLERS)
  const reloadMs: number[] = []
  await answers(load, BETWEEN)
  for (let version = 1; version <= count; version += 1) {
    await write(version)
    const begin = performance.now()
    gateway.child.kill('SIGHUP')
    await gateway.seen(new RegExp(`(?:"event":"reloaded"[^]*){${version}}\\n`))
    reloadMs.push(performance.now() - begin)
    await answers(load, BETWEEN)
  }
  await load.stop()
  return { reloads: count, answered: load.answered, lost: load.lost, reloadMs }
}
