import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { detectBackends, isEmbeddedInstalled } from '../../backend/index.ts'
import { diskFaultOf, makeDirectory, writeAtomic } from '../../storage/index.ts'
import { canListen } from '../listen.ts'
import type { Step } from './diagnose.ts'

/** The step that a client depends on. */
export const DATA_DIRECTORY = 'data directory'

/** The step that checks whether this machine allows listening. */
export const PORT = 'port'

/** Checks that need no peer. */
export function localSteps(init: {
  readonly dataDir: string
  /** TCP ports of `--listen`; empty if any port will do. */
  readonly ports: readonly number[]
  readonly commandName: string
  readonly signal: AbortSignal
}): Step[] {
  return [
    {
      name: DATA_DIRECTORY,
      async run() {
        const probe = join(init.dataDir, `doctor.${process.pid}`)
        try {
          await makeDirectory(init.dataDir)
          await writeAtomic(probe, 'A whole page.'.repeat(400))
          await rm(probe, { force: true })
        } catch (error) {
          const fault = diskFaultOf(error)
          if (fault === undefined) throw error
          return {
            ok: false,
            message: `cannot write to ${init.dataDir}: ${fault.reason}`,
            advice:
              'make room or mend its permissions, or name another one with --data-dir. Requests work meanwhile, but nothing learned of peers outlives the process',
          }
        }
        return { ok: true, message: `${init.dataDir} is writable` }
      },
    },
    {
      name: PORT,
      async run() {
        const ports = init.ports.length === 0 ? [0] : init.ports
        const free = await Promise.all(ports.map((port) => canListen(port)))
        const taken = ports.filter((_, index) => free[index] !== true)
        if (taken.length === 0) return { ok: true, message: 'listening on TCP works' }
        return {
          ok: false,
          message: `cannot listen on TCP ${taken.join(', ')}: in use, or not permitted`,
          advice: `choose another with --listen; \`${init.commandName} status\` shows the Skein processes that run here`,
        }
      },
    },
    {
      name: 'engine',
      async run() {
        const found = await detectBackends({}, { signal: init.signal })
        return {
          ok: true,
          message:
            found.length === 0
              ? `no engine runs here; ${withoutEngine()}`
              : found.map(({ description }) => description).join(', '),
        }
      },
    },
  ]
}

/** Only a node needs an engine, so a missing one is not a failure. */
function withoutEngine(): string {
  return isEmbeddedInstalled()
    ? 'a node would serve the bundled model'
    : 'and the embedded one is not installed: a node needs `npm install node-llama-cpp`, or an engine such as Ollama'
}
