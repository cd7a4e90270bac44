import { parseArgs } from 'node:util'
import { affinity } from './affinity.ts'
import { batch } from './batch.ts'
import { detection, detectionQuantized, detectionSampled } from './detection.ts'
import { gateway } from './gateway.ts'
import { hedge } from './hedge.ts'
import { overhead } from './overhead.ts'
import { providers } from './providers.ts'
import { recovery } from './recovery.ts'
import { formatReport, type Report } from './report.ts'
import { resident } from './resident.ts'
import { saturation } from './saturation.ts'
import { scale } from './scale.ts'
import { startup } from './startup.ts'
import { streams } from './streams.ts'

/** Every benchmark by the name that the README cites. */
const BENCHMARKS: Readonly<Record<string, (quick: boolean, model?: string) => Promise<Report>>> = {
  overhead,
  streams,
  startup,
  resident,
  providers,
  recovery,
  hedge,
  scale,
  affinity,
  gateway,
  batch,
  saturation,
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
  },
})
const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS)
for (const name of names) {
  const run = BENCHMARKS[name]
  if (run === undefined) {
    console.error(`no benchmark '${name}'; there are: ${Object.keys(BENCHMARKS).join(', ')}`)
    process.exit(2)
  }
  const report = await run(values.quick ?? false, values.model)
  console.log(values.json ? JSON.stringify({ name, ...report }) : formatReport(name, report))
}
// Hosts that were stopped may leave sockets in their closing state.
process.exit(0)
