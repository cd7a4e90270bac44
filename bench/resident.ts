import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { createSandbox, LOOPBACK } from '../testing/cli/index.ts'
import { bundleCommands } from './bundled-commands.ts'
import { startPeer } from './peer-process.ts'
import { type Report, round } from './report.ts'

/** An idle process returns memory at its second look, after 20 s at most; what follows is rest. */
const REST_MS = 30_000

/** Resident memory of the packaged commands at rest, against a bare Node process. The engine is another process. */
export async function resident(): Promise<Report> {
  const sandbox = await createSandbox(120_000, await bundleCommands())
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => sandbox.close())
  const engine = cleanup.use(await startPeer({ kind: 'engine' }))
  const [url = ''] = engine.addresses
  const bare = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1e6)'])
  cleanup.defer(() => void bare.kill('SIGKILL'))

  const start = (...args: readonly string[]) =>
    sandbox.start([...args, '--json', '--data-dir', `${sandbox.home}/${args[0]}`])
  const bootstrap = start('bootstrap', ...LOOPBACK)
  const { addresses } = await bootstrap.event('ready')
  const known = addresses.flatMap((address) => ['--bootstrap', address])
  const node = start('node', '--backend', url, '--share', 'scripted', ...LOOPBACK, ...known)
  const gateway = start('gateway', '--port', '0', ...known)
  await Promise.all([node.event('ready'), gateway.event('ready')])
  await wait(REST_MS)

  const base = mebibytes(bare.pid ?? 0)
  const processes = { 'bare Node': bare, 'bootstrap peer': bootstrap, node, gateway }
  return {
    title: `resident memory of one process, ${REST_MS / 1_000} seconds after its start`,
    rows: Object.entries(processes).map(([what, { pid = 0 }]) => ({
      what,
      'RSS MiB': round(mebibytes(pid)),
      'at most so far': round(peakKib(pid) / 1024),
      ratio: round(mebibytes(pid) / base),
    })),
    notes: [
      'The commands of the package. From the sources, which are compiled at run time, they take some 40 MiB more.',
      'Goals: bootstrap peer 90, node and gateway 110 MiB.',
    ],
  }
}

function mebibytes(pid: number): number {
  return residentKib(pid) / 1024
}

/** Of another process, as the system counts it. */
export function residentKib(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }))
}

function peakKib(pid: number): number {
  const [, kib = 0] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib)
}
