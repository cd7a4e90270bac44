import { Command } from 'commander'
import {
  DATA_DIRECTORY,
  type Diagnosis,
  diagnose,
  localSteps,
  swarmSteps,
} from '../doctor/index.ts'
import { EXIT } from '../exit-codes.ts'
import { portOf } from '../join-line.ts'
import { openClient } from '../open-client.ts'
import type { Runtime, Session } from '../runtime.ts'
import { resolveNetwork, type SharedOptions, withSharedOptions } from '../shared-options.ts'
import type { Terminal } from '../terminal.ts'

interface DoctorOptions extends SharedOptions {
  readonly model?: string
}

export function doctorCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('doctor').description(
      'Checks, one after another, whatever an answer needs, and says for each failing step what to do.',
    ),
  )
    .option('--model <id>', 'a model that somebody should serve')
    .action(runtime.action(doctor))
}

async function doctor(session: Session, options: DoctorOptions): Promise<number> {
  const { terminal, signal, commandName } = session
  const { host, dataDirs } = resolveNetwork(options, session.env, 'client')
  const ports = (host.listen ?? []).map(portOf).filter((port) => port !== undefined)
  const local = localSteps({ dataDir: dataDirs[0] ?? '.', ports, commandName, signal })
  const failed = await show(terminal, diagnose(local))
  // Without a place for its things there is no client, and what is wrong was said.
  if (!failed.includes(DATA_DIRECTORY)) failed.push(...(await askSwarm(session, options)))
  terminal.emit({ event: 'done', ok: failed.length === 0, failed } as { event: 'done' })
  terminal.print(failed.length === 0 ? '\nAll is well.\n' : `\nFailed: ${failed.join(', ')}\n`)
  return failed.length === 0 ? EXIT.ok : EXIT.failure
}

async function askSwarm(session: Session, options: DoctorOptions): Promise<string[]> {
  const { terminal, signal, commandName } = session
  // Listening is checked before; a client that asks needs no address of its own.
  const { listen: _listen, ...joining } = options
  await using client = await openClient(session, joining)
  const steps = swarmSteps({
    client,
    bootstrap: client.host.bootstrapPeers().map(({ address }) => address),
    commandName,
    signal,
    ...(options.model !== undefined && { model: options.model }),
  })
  return await show(terminal, diagnose(steps))
}

/** @returns the names of failed steps. */
async function show(terminal: Terminal, diagnoses: AsyncIterable<Diagnosis>): Promise<string[]> {
  const failed: string[] = []
  for await (const diagnosis of diagnoses) {
    if (diagnosis.status === 'failed') failed.push(diagnosis.name)
    terminal.emit({ event: 'step', ...diagnosis } as { event: 'step' })
    terminal.print(render(terminal, diagnosis))
  }
  return failed
}

const MARKS = {
  ok: ['green', 'ok     '],
  failed: ['red', 'FAILED '],
  skipped: ['dim', 'skipped'],
} as const

function render(terminal: Terminal, diagnosis: Diagnosis): string {
  const [color, mark] = MARKS[diagnosis.status]
  const line = `${terminal.style(color, mark)} ${diagnosis.name}: ${diagnosis.message}\n`
  const advice = diagnosis.status === 'skipped' ? undefined : diagnosis.advice
  return advice === undefined ? line : `${line}        ${advice}\n`
}
