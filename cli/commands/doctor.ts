import { Command } from 'commander'
import {
  DATA_DIRECTORY,
  type Diagnosis,
  diagnose,
  localSteps,
  PORT,
  reachSteps,
  swarmSteps,
} from '../doctor/index.ts'
import { EXIT } from '../exit-codes.ts'
import { portOf } from '../join-line.ts'
import { openClient } from '../open-client.ts'
import { runningPeers } from '../reports-here.ts'
import type { Runtime, Session } from '../runtime.ts'
import { resolveNetwork, type SharedOptions, withSharedOptions } from '../shared-options.ts'
import type { Terminal } from '../terminal.ts'

const LISTEN = ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0']

export interface DoctorOptions extends SharedOptions {
  readonly model?: string
}

export function doctorCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('doctor').description(
      'Checks each thing that a request needs, in order, and says what to do about each failure.',
    ),
  )
    .option('--model <id>', 'a model that a peer should serve')
    .action(runtime.action(doctor))
}

async function doctor(session: Session, options: DoctorOptions): Promise<number> {
  const { terminal } = session
  const failed: string[] = []
  let todo: string | undefined
  for await (const diagnosis of diagnoses(session, options)) {
    if (diagnosis.status === 'failed') {
      failed.push(diagnosis.name)
      todo ??= diagnosis.advice
    }
    terminal.emit({ event: 'step', ...diagnosis } as { event: 'step' })
    terminal.print(render(terminal, diagnosis))
  }
  const ok = failed.length === 0
  terminal.emit({ event: 'done', ok, failed, ...(todo !== undefined && { todo }) } as {
    event: 'done'
  })
  terminal.print(ok ? '\nAll checks passed.\n' : `\nFailed: ${failed.join(', ')}\n`)
  if (todo !== undefined) terminal.print(`Do this first: ${todo}\n`)
  return failed.length === 0 ? EXIT.ok : EXIT.failure
}

/** Every check, in order. */
export async function* diagnoses(
  session: Session,
  options: DoctorOptions,
): AsyncGenerator<Diagnosis, void, void> {
  const { signal, commandName } = session
  const { host, dataDirs } = resolveNetwork(options, session.env, 'client')
  const ports = (host.listen ?? []).map(portOf).filter((port) => port !== undefined)
  const local = localSteps({ dataDir: dataDirs[0] ?? '.', ports, commandName, signal })
  const failed: string[] = []
  for await (const diagnosis of diagnose(local, { signal })) {
    if (diagnosis.status === 'failed') failed.push(diagnosis.name)
    yield diagnosis
  }
  try {
    yield* askSwarm(session, options, !failed.includes(PORT))
  } catch (error) {
    // A client works without a directory that it can write to, but not with one that cannot exist.
    if (!failed.includes(DATA_DIRECTORY)) throw error
  }
}

/** @param canUse whether the typed addresses can be listened on */
async function* askSwarm(
  session: Session,
  options: DoctorOptions,
  canUse: boolean,
): AsyncGenerator<Diagnosis, void, void> {
  const { signal, commandName } = session
  // A node running here already holds its port. Any port shows whether peers reach this machine.
  const listen = canUse ? (options.listen ?? LISTEN) : LISTEN
  await using client = await openClient(session, { ...options, listen }, { reportsClock: true })
  const steps = swarmSteps({
    client,
    bootstrap: client.host.bootstrapPeers().map(({ address }) => address),
    commandName,
    signal,
    ...(options.model !== undefined && { model: options.model }),
  })
  const reach = reachSteps({
    host: client.host,
    running: await runningPeers(session),
    announced: options.announce ?? [],
    signal,
  })
  yield* diagnose(steps, { signal })
  yield* diagnose(reach, { signal })
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
