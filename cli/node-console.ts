import type { Command } from 'commander'
import { createClientOver, type SavedReputation } from '../client/index.ts'
import type { Console, LogBook } from '../console/index.ts'
import { type PageServer, servePagesOnly } from '../gateway/index.ts'
import type { Node } from '../node/index.ts'
import { InferenceError } from '../protocol/index.ts'
import { openConsole } from './console.ts'
import type { ModelDesk } from './local-models/index.ts'
import { loopbackAddress } from './loopback.ts'
import { openTyped } from './open-typed.ts'
import { wholeNumber } from './option-parsers.ts'
import type { Session } from './runtime.ts'
import type { SharedOptions } from './shared-options.ts'

/** Beside the gateway's. */
const PORT = 4811

export interface NodeConsoleOptions {
  readonly console?: boolean
  readonly consolePort?: number
}

export function withNodeConsole(command: Command): Command {
  return command
    .option(
      '--console',
      'serve the console to browsers on this machine: peers, models, joining, the log',
    )
    .option(
      '--console-port <n>',
      `port of --console; 0 picks a free one (default: ${PORT}, or a free one while that is taken)`,
      wholeNumber(0, 65_535),
    )
}

export interface NodeConsoleParts {
  readonly node: Node
  readonly saved: SavedReputation
  readonly swarmKey: Uint8Array | undefined
  readonly desk: ModelDesk | undefined
  readonly log: LogBook
}

/** The console of a node, with the pages that make sense without a gateway. */
export interface NodeConsole extends AsyncDisposable {
  readonly pages: Console
  readonly url: string
}

/** @returns undefined unless `--console` was given */
export async function openNodeConsole(
  session: Session,
  options: SharedOptions & NodeConsoleOptions,
  { node, saved, swarmKey, desk, log }: NodeConsoleParts,
): Promise<NodeConsole | undefined> {
  if (options.console !== true) return undefined
  const { host, ledger } = node
  // It asks peers for their load, and no more.
  const client = createClientOver(host.includingSelf(), {
    ...{ ledger, saved, canaries: 'off' },
  })
  const pages = openConsole(session, options, {
    ...{ client, host, swarmKey, node, desk, log },
    absent: ['batches', 'keys', 'playground', 'requests'],
  })
  try {
    const server = await openTyped(() => served(pages, options.consolePort))
    return {
      pages,
      url: server.url,
      async [Symbol.asyncDispose]() {
        pages.close()
        await server[Symbol.asyncDispose]()
        await client.close()
      },
    }
  } catch (error) {
    pages.close()
    await client.close()
    throw error
  }
}

async function served(pages: Console, port: number | undefined): Promise<PageServer> {
  const host = loopbackAddress()
  if (port !== undefined) return await servePagesOnly(pages, { host, port })
  try {
    return await servePagesOnly(pages, { host, port: PORT })
  } catch (error) {
    if (!InferenceError.is(error, 'invalid_request')) throw error
    return await servePagesOnly(pages, { host, port: 0 })
  }
}
