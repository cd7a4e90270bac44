import { access, constants } from 'node:fs/promises'
import { detectBackends, isEmbeddedInstalled } from '../../backend/index.ts'
import { makeDirectory } from '../../storage/index.ts'
import { canListen } from '../listen.ts'
import type { Step } from './diagnose.ts'

/** The step without which no client can be made. */
export const DATA_DIRECTORY = 'data directory'

/** The step that finds whether this machine lets us listen. */
export const PORT = 'port'

/** What can be told without any peer. */
export function localSteps(init: {
  readonly dataDir: string
  /** TCP ports that were asked for by `--listen`; none: any port will do. */
  readonly ports: readonly number[]
  readonly commandName: string
  readonly signal: AbortSignal
}): Step[] {
  return [
    {
      name: DATA_DIRECTORY,
      async run() {
        await makeDirectory(init.dataDir)
        await access(init.dataDir, constants.W_OK)
        return { ok: true, message: `${init.dataDir} can be written` }
      },
    },
    {
      name: PORT,
      async run() {
        const ports = init.ports.length === 0 ? [0] : init.ports
        const free = await Promise.all(ports.map((port) => canListen(port)))
        const taken = ports.filter((_, index) => free[index] !== true)
        if (taken.length === 0) return { ok: true, message: 'this machine lets us listen' }
        return {
          ok: false,
          message: `cannot listen on TCP ${taken.join(', ')}: taken, or not allowed`,
          advice: `choose another with --listen; \`${init.commandName} status\` shows what of Skein runs here`,
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
              ? `none runs here; ${withoutEngine()}`
              : found.map(({ description }) => description).join(', '),
        }
      },
    },
  ]
}

/** Only a node needs one, so that lacking it is no failure. */
function withoutEngine(): string {
  return isEmbeddedInstalled()
    ? 'a node would serve the bundled model'
    : 'and the embedded one is not installed: a node needs `npm install node-llama-cpp`, or an engine such as Ollama'
}
