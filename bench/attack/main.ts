import { parseArgs } from 'node:util'
import { formatReport, percentile, round } from '../report.ts'
import { ATTACKS } from './attacks.ts'
import { DEFENCES, type Edit } from './defences.ts'
import {
  type AttackOptions,
  type Availability,
  QUIET,
  runAttack,
  startTarget,
} from './run-attack.ts'
import { writeTable } from './write-table.ts'

const GOAL = 0.99
const MAX_RATIO = 2
/** Without its defence a message must cost the target this many times as much, or honest requests must fail. */
const CONTROL_RATIO = 2
/** Row of a control. */
const CONTROL = '– without the defence'
const WARM_UP_MS = 1_500
const QUIET_MS = 5_000

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    controls: { type: 'boolean' },
    write: { type: 'boolean' },
  },
})
const options: AttackOptions = {
  durationMs: values.quick === true ? 3_000 : 15_000,
  everyMs: 400,
  deadlineMs: 20_000,
}
const names = positionals.length > 0 ? positionals : Object.keys(ATTACKS)
const unknown = names.find((name) => !(name in ATTACKS))
if (unknown !== undefined)
  throw new Error(`no attack '${unknown}': ${Object.keys(ATTACKS).join(', ')}`)
/** Honest traffic alone, at each target before its attack: all of it is what the waits under attack are compared with. */
const quiet: Availability[] = []
const services: { readonly name: string; readonly service: Availability }[] = []
const notes: string[] = []

/** A target that only this attack meets. @param without its defences that are left out */
async function attacked(name: string, without: readonly Edit[] = []): Promise<Availability> {
  await using target = await startTarget(without)
  // The first answers load modules and fill books, which is not what is measured.
  await runAttack(target, QUIET, { ...options, durationMs: WARM_UP_MS })
  quiet.push(await runAttack(target, QUIET, { ...options, durationMs: QUIET_MS }))
  return await runAttack(target, name, options)
}

function rowOf(
  name: string,
  { asked, answered, latenciesMs, cpuMsPerMessage }: Availability,
  quietP95: number,
) {
  const p95 = percentile(latenciesMs, 0.95)
  return {
    attack: name,
    asked,
    'answered %': round((100 * answered) / asked),
    'p50 ms': round(percentile(latenciesMs, 0.5)),
    'p95 ms': round(p95),
    'p95 ÷ quiet': round(p95 / quietP95),
    'CPU ms a message': round(cpuMsPerMessage),
  }
}

/** Goals that the service misses. */
function missedBy(
  { asked, answered, latenciesMs, failures }: Availability,
  quietP95: number,
): string[] {
  const missed: string[] = []
  if (answered < GOAL * asked) missed.push(`misses ${100 * GOAL} %: ${failures[0]}`)
  if (percentile(latenciesMs, 0.95) > MAX_RATIO * quietP95) {
    missed.push(`p95 is above ${MAX_RATIO} times the quiet one`)
  }
  return missed
}

/** All of it as one. */
function together(parts: readonly Availability[]): Availability {
  return {
    asked: parts.reduce((sum, { asked }) => sum + asked, 0),
    answered: parts.reduce((sum, { answered }) => sum + answered, 0),
    latenciesMs: parts.flatMap(({ latenciesMs }) => latenciesMs),
    failures: parts.flatMap(({ failures }) => failures),
    cpuMsPerMessage: Number.NaN,
  }
}

for (const name of names) {
  const service = await attacked(name)
  services.push({ name, service })
  process.stderr.write(`${name}: ${service.answered} of ${service.asked} answered\n`)
  const defences = DEFENCES[name]
  if (values.controls !== true || defences === undefined) continue
  const control = await attacked(name, defences)
  services.push({ name: CONTROL, service: control })
  const isCostlier = control.cpuMsPerMessage > CONTROL_RATIO * service.cpuMsPerMessage
  if (control.answered >= GOAL * control.asked && !isCostlier)
    notes.push(`${name}: the control holds, so that the defence is not shown`)
}
const allQuiet = together(quiet)
services.unshift({ name: QUIET, service: allQuiet })
const quietP95 = percentile(allQuiet.latenciesMs, 0.95)
const rows = services.map(({ name, service }) => rowOf(name, service, quietP95))
for (const { name, service } of services) {
  if (name === CONTROL) continue
  for (const missed of missedBy(service, quietP95)) notes.push(`${name}: ${missed}`)
}
if (notes.length === 0) notes.push('every goal is met')
if (values.write === true) await writeTable(rows, notes)
process.stdout.write(
  formatReport('attack', {
    title: 'honest requests to a node and a gateway while two peers of one network attack',
    rows,
    notes,
  }),
)
