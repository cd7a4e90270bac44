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
  everyMs: 500,
  deadlineMs: 20_000,
}
const names = positionals.length > 0 ? positionals : Object.keys(ATTACKS)
const unknown = names.find((name) => !(name in ATTACKS))
if (unknown !== undefined)
  throw new Error(`no attack '${unknown}': ${Object.keys(ATTACKS).join(', ')}`)
const rows: Record<string, string | number>[] = []
const notes: string[] = []
let quietP95 = Number.NaN

/** A target that only this attack meets. @param without its defences that are left out */
async function attacked(name: string, without: readonly Edit[] = []): Promise<Availability> {
  await using target = await startTarget(without)
  // The first answers load modules and fill books, which is not what is measured.
  await runAttack(target, QUIET, { ...options, durationMs: 1_500 })
  return await runAttack(target, name, options)
}

function rowOf(name: string, { asked, answered, latenciesMs, cpuMsPerMessage }: Availability) {
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
function missedBy({ asked, answered, latenciesMs, failures }: Availability): string[] {
  const missed: string[] = []
  if (answered < GOAL * asked) missed.push(`misses ${100 * GOAL} %: ${failures[0]}`)
  if (percentile(latenciesMs, 0.95) > MAX_RATIO * quietP95) {
    missed.push(`p95 is above ${MAX_RATIO} times the quiet one`)
  }
  return missed
}

for (const name of [QUIET, ...names]) {
  const service = await attacked(name)
  if (name === QUIET) quietP95 = percentile(service.latenciesMs, 0.95)
  rows.push(rowOf(name, service))
  for (const missed of missedBy(service)) notes.push(`${name}: ${missed}`)
  const defences = DEFENCES[name]
  if (values.controls !== true || defences === undefined) continue
  const control = await attacked(name, defences)
  rows.push(rowOf('– without the defence', control))
  const isCostlier = control.cpuMsPerMessage > CONTROL_RATIO * service.cpuMsPerMessage
  if (control.answered >= GOAL * control.asked && !isCostlier)
    notes.push(`${name}: the control holds, so that the defence is not shown`)
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
