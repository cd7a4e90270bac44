import { Command } from 'commander'
import type { ModelListing } from '../../client/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { type ModelHere, modelsHere } from '../control/index.ts'
import { modelCache } from '../directories.ts'
import { openClient } from '../open-client.ts'
import { megabytes } from '../progress.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { renderTable } from '../table.ts'

/** Hex digits of a digest in the table, after `sha256:`, which is how MODEL@sha256:… takes it; `--json` shows all. */
const SHOWN_DIGITS = 12

export function modelsCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('models').description(
      'Lists the models that peers serve, with the number of nodes and their weights; or, with --local, those that were downloaded to this machine.',
    ),
  )
    .option('--local', 'the models on this machine, with where they come from and who uses them')
    .action(runtime.action(listModels))
}

interface ListOptions extends SharedOptions {
  readonly local?: boolean
}

async function listModels(session: Session, options: ListOptions): Promise<undefined> {
  const { terminal, signal } = session
  if (options.local === true) return await listLocal(session, options)
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

async function listLocal(session: Session, options: ListOptions): Promise<undefined> {
  const { terminal, env, commandName } = session
  const cacheDir = modelCache(env)
  const models = await modelsHere(session, options.dataDir)
  for (const model of models) terminal.emit({ event: 'local-model', ...model })
  if (models.length > 0) {
    terminal.print(renderLocalModels(models))
    const refusals = models.flatMap(({ refusal }) => refusal ?? [])
    for (const refusal of refusals) terminal.print(`\n${plainLine(refusal)}.\n`)
  } else {
    terminal.print(
      `No model was downloaded to ${cacheDir}. To get one: ${commandName} pull hf:org/repo/file.gguf\n`,
    )
  }
  return undefined
}

export function renderLocalModels(models: readonly ModelHere[]): string {
  return renderTable(
    ['NAME', 'SIZE', 'SHA256', 'STATE', 'FROM'],
    models.map(({ name, bytes, sha256, states, source, path = '' }) => [
      plainLine(name),
      megabytes(bytes),
      sha256?.slice(0, SHOWN_DIGITS) ?? '–',
      states.length === 0 ? 'on disk' : states.join(', '),
      plainLine(source === '' ? path : source),
    ]),
  )
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
  return digest.slice(0, 'sha256:'.length + SHOWN_DIGITS)
}
