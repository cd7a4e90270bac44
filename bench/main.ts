import { parseArgs } from 'node:util'
import { compare, readBaseline, rebase, writeBaseline } from './baseline.ts'
import { BENCHMARKS } from './benchmarks.ts'
import { formatReport } from './report.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' },
    quick: { type: 'boolean' },
    model: { type: 'string' },
    /** Of `faults`: the URL of a running engine, or a program to start, and then what it is. */
    engine: { type: 'string' },
    flavour: { type: 'string' },
    /** Of `faults`: shapes of answers, separated by commas. */
    shapes: { type: 'string' },
    /** Hold the reports to bench/baseline.json, at the size that it was made with. */
    check: { type: 'boolean' },
    /** Take the figures of this run as the baseline. */
    update: { type: 'boolean' },
  },
})
const { check = false, update = false } = values
const holds = check || update
let baseline = readBaseline()
const names = positionals.length > 0 ? positionals : Object.keys(holds ? baseline : BENCHMARKS)
const count = { passed: 0, failed: 0 }
for (const name of names) {
  const load = BENCHMARKS[name]
  const held = baseline[name]
  if (load === undefined || (holds && held === undefined)) {
    const known = Object.keys(load === undefined ? BENCHMARKS : baseline).join(', ')
    const what = load === undefined ? 'benchmark' : 'baseline for'
    console.error(`no ${what} '${name}'; there are: ${known}`)
    process.exit(2)
  }
  const quick = holds ? held?.quick : values.quick
  const run = await load()
  const { model, engine, flavour } = values
  const shapes = values.shapes?.split(',')
  const report = await run(quick ?? false, model, { engine, flavour, shapes })
  console.log(values.json ? JSON.stringify({ name, ...report }) : formatReport(name, report))
  if (held !== undefined && update) {
    baseline = { ...baseline, [name]: rebase(report, held) }
    writeBaseline(baseline)
  } else if (held !== undefined && check) {
    for (const { text, passes } of compare(report, held)) {
      count[passes ? 'passed' : 'failed'] += 1
      console.log(`${passes ? 'passed' : 'FAILED'}  ${name}: ${text}`)
    }
  }
}
if (check) console.log(`${count.passed} passed, ${count.failed} failed`)
// Hosts that were stopped may leave sockets in their closing state.
process.exit(count.failed > 0 ? 1 : 0)
