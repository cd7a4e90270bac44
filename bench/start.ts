import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createEmbeddedBackend } from '../backend/index.ts'
import { parseRequest } from '../protocol/index.ts'
import { bundleCommands } from './bundled-commands.ts'
import { BUNDLED_MODEL } from './bundled-model.ts'
import { endedChildrenCpuMs } from './cpu-time.ts'
import { startPeer } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'

const ASK = ['--model', 'skein-tiny', '--max-tokens', '4', '--no-mdns', 'Count from 1 to 9.']

/** From `skein ask` of the package on the shell to the first piece of the answer, in a swarm of 50 hosts. */
export async function start(quick: boolean): Promise<Report> {
  const runs = quick ? 3 : 15
  const count = quick ? 10 : 50
  const main = await bundleCommands()
  await using swarm = await startPeer({ kind: 'hosts', count: count - 1 })
  await using node = await startPeer({
    kind: 'node',
    engine: 'embedded',
    bootstrap: swarm.addresses,
  })
  void node
  const dataDir = await mkdtemp(join(tmpdir(), 'skein-bench-'))
  const bootstrap = swarm.addresses.flatMap((address) => ['--bootstrap', address])
  const samples = {
    bare: [] as Sample[],
    modules: [] as Sample[],
    cold: [] as Sample[],
    warm: [] as Sample[],
  }
  try {
    for (let run = -1; run < runs; run++) {
      const bare = await exitTime(['-e', '0'])
      const modules = await exitTime([main, '--version'])
      const fresh = join(dataDir, `cold-${run}`)
      const cold = await firstDelta(main, ['--data-dir', fresh, ...bootstrap])
      // No bootstrap peer: only the peers that the last run stored.
      const warm = await firstDelta(main, ['--data-dir', fresh])
      if (run < 0) continue
      samples.bare.push(bare)
      samples.modules.push(modules)
      samples.cold.push(cold)
      samples.warm.push(warm)
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
  const engine: Sample[] = []
  for (let run = 0; run < Math.min(runs, 5); run++) engine.push({ ms: await engineTime() })
  const row = (what: string, values: readonly Sample[]) => ({
    what,
    'p50 ms': round(median(values, 'ms')),
    'CPU p50 ms': round(median(values, 'cpuMs')),
    ratio: round(median(values, 'ms') / median(samples.bare, 'ms')),
    'CPU ratio': round(median(values, 'cpuMs') / median(samples.bare, 'cpuMs')),
  })
  return {
    title: `process start to first piece of an answer, swarm of ${count} hosts`,
    rows: [
      row('bare Node process, start to exit', samples.bare),
      row('skein --version, start to exit', samples.modules),
      row('skein ask, nothing known but a bootstrap peer', samples.cold),
      row('skein ask, cached peers and no bootstrap peer', samples.warm),
      row('embedded engine, load to first piece, no network', engine),
    ],
    notes: [
      'Loading the modules (libp2p, protobuf, zod) dominates `skein ask`; joining, finding and asking take the rest.',
      'The swarm is at rest before the first ask; its 49 hosts without a model share one thread.',
    ],
  }
}

/** One run of a command. CPU from start to exit, which other load on the machine hardly changes. */
interface Sample {
  readonly ms: number
  readonly cpuMs?: number
}

function median(samples: readonly Sample[], of: keyof Sample): number {
  return percentile(
    samples.map((sample) => sample[of] ?? Number.NaN),
    0.5,
  )
}

async function exitTime(args: readonly string[]): Promise<Sample> {
  const before = endedChildrenCpuMs()
  const begin = performance.now()
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  await once(child, 'exit')
  return { ms: performance.now() - begin, cpuMs: endedChildrenCpuMs() - before }
}

async function firstDelta(main: string, args: readonly string[]): Promise<Sample> {
  const before = endedChildrenCpuMs()
  const begin = performance.now()
  const child = spawn(process.execPath, [main, 'ask', '--json', ...args, ...ASK], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let first: number | undefined
  let last = ''
  for await (const line of createInterface({ input: child.stdout })) {
    last = line
    if (line.includes('"event":"delta"')) first ??= performance.now() - begin
  }
  if (first === undefined) throw new Error(`no answer: ${last}`)
  await exited
  return { ms: first, cpuMs: endedChildrenCpuMs() - before }
}

async function engineTime(): Promise<number> {
  const begin = performance.now()
  await using backend = await createEmbeddedBackend({ modelPath: BUNDLED_MODEL, threads: 1 })
  const request = parseRequest('chat', {
    model: 'skein-tiny',
    messages: [{ role: 'user', content: 'Count from 1 to 9.' }],
    max_tokens: 4,
  })
  for await (const event of backend.infer(request)) {
    if (event.type === 'chunk') return performance.now() - begin
  }
  throw new Error('no answer')
}
