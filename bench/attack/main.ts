import { parseArgs } from 'node:util'
import { formatReport, percentile, round } from '../report.ts'
import { ATTACKS, QUIET } from './attacks.ts'
import { type AttackOptions, runAttack, startTarget } from './run-attack.ts'

const GOAL = 0.99
const MAX_RATIO = 2

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' } },
})
const options: AttackOptions = {
  durationMs: values.quick === true ? 3_000 : 15_000,
  everyMs: 500,
  deadlineMs: 20_000,
}
const names = positionals.length > 0 ? ['quiet', ...positionals] : Object.keys(ATTACKS)
const rows: Record<string, string | number>[] = []
const notes: string[] = []
let quietP95 = Number.NaN
for (const name of names) {
  const attack = ATTACKS[name]
  if (attack === undefined)
    throw new Error(`no attack '${name}': ${Object.keys(ATTACKS).join(', ')}`)
  await using target = await startTarget()
  // The first answers load modules and fill books, which is not what is measured.
  await runAttack(target, QUIET, { ...options, durationMs: 1_500 })
  const { asked, answered, latenciesMs, failures } = await runAttack(target, attack, options)
  const p95 = percentile(latenciesMs, 0.95)
  if (name === 'quiet') quietP95 = p95
  rows.push({
    attack: name,
    asked,
    'answered %': round((100 * answered) / asked),
    'p50 ms': round(percentile(latenciesMs, 0.5)),
    'p95 ms': round(p95),
    'p95 ÷ quiet': round(p95 / quietP95),
  })
  if (answered < GOAL * asked) notes.push(`${name} misses ${100 * GOAL} %: ${failures[0]}`)
  if (p95 > MAX_RATIO * quietP95)
    notes.push(`${name}: p95 is above ${MAX_RATIO} times the quiet one`)
}
if (notes.length === 0) notes.push('every goal is met')
process.stdout.write(
  formatReport('attack', {
    title: 'honest requests to a node and a gateway while two peers of one network attack',
    rows,
    notes,
  }),
)
