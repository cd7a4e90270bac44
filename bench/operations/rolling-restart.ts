import { type CliProcess, createSandbox, LOOPBACK } from '../../testing/cli/index.ts'
import { startPeer } from '../peer-process.ts'
import { answers, startLoad } from './steady-load.ts'

const NODES = 3
const CALLERS = 8
/** Answers between two restarts. */
const BETWEEN = 40

export interface RollingRestart {
  readonly restarts: number
  readonly answered: number
  readonly lost: readonly string[]
  /** From SIGTERM to ready again, of each restart. */
  readonly restartMs: readonly number[]
}

/** Stops and starts every node of a swarm in turn, as an upgrade does, while callers ask. */
export async function rollingRestart(rounds: number): Promise<RollingRestart> {
  await using stack = new AsyncDisposableStack()
  const engine = stack.use(await startPeer({ kind: 'engine', paceMs: 10 }))
  const sandbox = await createSandbox()
  stack.defer(() => sandbox.close())
  const bootstrap = await sandbox.start(['bootstrap', '--json', ...LOOPBACK]).event('ready')
  const join = bootstrap.addresses.slice(0, 1).flatMap((address) => ['--bootstrap', address])
  const start = (index: number): CliProcess =>
    sandbox.start([
      ...['node', '--json', ...LOOPBACK, ...join, '--data-dir', `${sandbox.home}/node-${index}`],
      ...['--backend', engine.addresses[0] ?? '', '--share', 'scripted', '--slots', '8'],
    ])
  const nodes = Array.from({ length: NODES }, (_, index) => start(index))
  await Promise.all(nodes.map((node) => node.event('ready')))
  const gateway = sandbox.start(['gateway', '--json', '--port', '0', ...LOOPBACK, ...join])
  const { url } = await gateway.event('ready')
  const load = startLoad(url, CALLERS)
  const restartMs: number[] = []
  await answers(load, BETWEEN)
  for (let restart = 0; restart < rounds * NODES; restart += 1) {
    const index = restart % NODES
    const begin = performance.now()
    nodes[index]?.child.kill('SIGTERM')
    await nodes[index]?.finished
    const next = start(index)
    nodes[index] = next
    await next.event('ready')
    restartMs.push(performance.now() - begin)
    await answers(load, BETWEEN)
  }
  await load.stop()
  return { restarts: restartMs.length, answered: load.answered, lost: load.lost, restartMs }
}
