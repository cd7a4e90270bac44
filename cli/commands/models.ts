import { Command } from 'commander'
import type { ModelListing } from '../../client/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { openClient } from '../open-client.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { renderTable } from '../table.ts'

/** Hex digits of a digest in the table; `--json` shows all. */
const SHOWN_DIGITS = 12

export function modelsCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('models').description(
      'Lists the models that peers serve, with the number of nodes and their weights.',
    ),
  ).action(runtime.action(listModels))
}

async function listModels(session: Session, options: SharedOptions): Promise<undefined> {
  const { terminal, signal } = session
  await using client = await openClient(session, options)
  const models = await client.models({ signal })
  for (const model of models) terminal.emit({ event: 'model', ...model })
  terminal.print(renderModels(models))
  const ambiguous = models.filter(({ digests }) => digests.length > 1)
  if (ambiguous.length > 0) {
    const ids = ambiguous.map(({ id }) => plainLine(id)).join(', ')
    terminal.print(
      `\nServed with different weights under one name: ${ids}. MODEL@sha256:… pins one; --json shows the digests.\n`,
    )
  }
  return undefined
}

export function renderModels(models: readonly ModelListing[]): string {
  return renderTable(
    ['MODEL', 'PEERS', 'CONTEXT', 'CAN', 'WEIGHTS'],
    models.map((model) => [
      plainLine([model.id, ...model.aliases.filter((alias) => alias !== model.id)].join(', ')),
      String(model.peers.length),
      model.contextLength === 0 ? '?' : String(model.contextLength),
      model.capabilities.join(' '),
      model.digests.length === 0 ? 'unknown' : model.digests.map(shortDigest).join(', '),
    ]),
  )
}

function shortDigest(digest: string): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + SHOWN_DIGITS)
}
