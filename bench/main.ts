import { parseArgs } from 'node:util'
import { affinity } from './affinity.ts'
import { compare, readBaseline, rebase, writeBaseline } from './baseline.ts'
import { batch } from './batch.ts'
import { cpu } from './cpu.ts'
import { detection, detectionQuantized, detectionSampled } from './detection.ts'
import { gateway } from './gateway.ts'
import { hedge } from './hedge.ts'
import { idle } from './idle.ts'
import { leak } from './leak.ts'
import { many } from './many.ts'
import { overhead } from './overhead.ts'
import { providers } from './providers.ts'
import { reach } from './reach.ts'
import { recovery } from './recovery.ts'
import { formatReport, type Report } from './report.ts'
import { resident } from './resident.ts'
import { roundtrips } from './roundtrips.ts'
import { saturation } from './saturation.ts'
import { scale } from './scale.ts'
import { start } from './start.ts'
import { streams } from './streams.ts'

/** Every benchmark by the name that the README cites. */
const BENCHMARKS: Readonly<Record<string, (quick: boolean, model?: string) => Promise<Report>>> = {
  overhead,
  streams,
  start,
  resident,
  idle,
  leak,
  many,
  providers,
  recovery,
  reach,
  hedge,
  scale,
  affinity,
  gateway,
  batch,
  saturation,
  cpu,
  roundtrips,
  detection,
  'detection-sampled': detectionSampled,
  'detection-quantized': detectionQuantized,
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' },
    quick: { type: 'boolean' },
    model: { type: 'string' },
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
  const run = BENCHMARKS[name]
  const held = baseline[name]
  if (run === undefined || (holds && held === undefined)) {
    const known = Object.keys(run === undefined ? BENCHMARKS : baseline).join(', ')
    const what = run === undefined ? 'benchmark' : 'baseline for'
    console.error(`no ${what} '${name}'; there are: ${known}`)
    process.exit(2)
  }
  const quick = holds ? held?.quick : values.quick
  const report = await run(quick ?? false, values.model)
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
