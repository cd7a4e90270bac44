import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { round } from '../report.ts'
import { beyondLimits, controlOf, type Figure, smallScaleOf } from './attack.ts'
import { ATTACKS } from './attacks.ts'
import { plot } from './plot.ts'
import { compareWithReality, type Side } from './reality.ts'
import { MARGINS, marginOf, withinMargin } from './reality-margins.ts'
import { runScenario, SCENARIOS, type ScenarioResult } from './scenarios.ts'

const DOCS = new URL('../../docs/', import.meta.url)
/** The steady state is run at the size of a large network, the others at one that a plot still shows. */
const LARGE = { peers: 10_000, clients: 250, requests: 1_000_000 }
const USUAL = { peers: 2_000, clients: 100, requests: 60_000 }
const QUICK = { peers: 300, clients: 20, requests: 4_000 }
const REAL_REQUESTS = 400

const HELP = `Usage: npm run sim -- [options]

Runs the simulator, prints its tables, and ends with exit code 1 if a criterion is missed.

  --part PART   load, attacks or reality  (default: all)
  --only TEXT   the scenarios and attacks whose name contains it
  --seed N      the same seed gives the same tables  (default: 1)
  --scale S     share of the peers and requests, above 0, at most 1  (default: 1)
  --quick       small runs that still keep their criteria; without the part reality
  --write       replace the tables that were run in docs/simulation.md`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    part: { type: 'string', default: '' },
    scale: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const seed = Number(values.seed)
const scale = Number(values.scale)
if (!(scale > 0 && scale <= 1)) {
  throw new Error(`--scale ${values.scale} is not a share of the full size: above 0, at most 1`)
}
const SCALE_WORDS = values.quick
  ? ', a fifth to a half of all of them (`--quick`)'
  : scale === 1
    ? ''
    : `, ${100 * scale} % of all of them (\`--scale ${scale}\`)`
const chosen = <T extends { readonly name: string }>(list: readonly T[]): readonly T[] =>
  list.filter(({ name }) => name.toLowerCase().includes(values.only.toLowerCase()))

type Row = Readonly<Record<string, string | number>>

const PARTS = { load: 'Load and loss', attacks: 'Attacks', reality: 'Against reality' } as const
const runs = (part: keyof typeof PARTS): boolean => values.part === '' || values.part === part
if (values.part !== '' && !Object.hasOwn(PARTS, values.part)) {
  throw new Error(`--part ${values.part} is not one of: ${Object.keys(PARTS).join(', ')}`)
}
if (values.write && values.only !== '') {
  throw new Error('--write is for whole tables: leave out --only')
}

const sections = new Map<string, string>()
let failures = 0
const section = (title: string, words: string, rows: readonly Row[]): void => {
  if (rows.length === 0) return
  const text = `## ${title}\n\n${words}\n\n${markdown(rows)}\n`
  console.log(text)
  sections.set(title, text)
}

section(
  PARTS.load,
  `Seed ${seed}. Each client knows 64 of the peers. Amplification: attempts per request. Pause: longest gap of answers that continued on another peer.`,
  runs('load') ? await scenarioRows() : [],
)
section(
  PARTS.attacks,
  `Seed ${seed}, 50 honest peers, 20,000 requests of one client${SCALE_WORDS}. The control is the same attack on a client without that part of the defence; the figures that must move must exceed their limits. If two parts are named, either suffices, and the control lacks both.`,
  runs('attacks') ? await attackRows() : [],
)
if (runs('reality') && values.only === '' && !values.quick) {
  section(
    PARTS.reality,
    `20 nodes in 4 processes, one of which is killed halfway, and the same in the simulator: ${REAL_REQUESTS} requests, the same arrivals and answer lengths. A figure beyond its margin misses its criterion.`,
    realityRows(await compareWithReality(REAL_REQUESTS)),
  )
}
if (values.write) await writeDocs()
console.log(failures === 0 ? 'all criteria are met' : `${failures} criteria are missed`)
process.exit(failures === 0 ? 0 : 1)

async function scenarioRows(): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const scenario of chosen(SCENARIOS)) {
    const usual = scenario.name === 'steady state' ? LARGE : USUAL
    const size = { ...(values.quick ? QUICK : scaledSize(usual)), seed }
    const startedMs = performance.now()
    const result = await runScenario(scenario, size)
    const tookS = (performance.now() - startedMs) / 1_000
    const meets = result.answered >= scenario.answered
    failures += Number(!meets)
    if (values.write) await writePlot(scenario.name, result)
    rows.push({
      scenario: scenario.name,
      'what happens': scenario.story,
      peers: size.peers,
      requests: result.requests,
      'answered %': Number((100 * result.answered).toFixed(3)),
      'must be %': 100 * scenario.answered,
      amplification: round(result.amplification),
      'TTFT p50 ms': round(result.ttftP50Ms),
      'p99 ms': round(result.ttftP99Ms),
      'went on elsewhere': result.resumed,
      'pause p99 ms': round(result.gapP99Ms),
      'took s': Math.round(tookS),
      'memory MB': Math.round(process.memoryUsage().rss / 1e6),
      met: meets ? 'yes' : 'no',
    })
    logRow(rows.at(-1), startedMs)
  }
  return rows
}

function scaledSize({ peers, clients, requests }: typeof USUAL): typeof USUAL {
  const scaled = (count: number): number => Math.ceil(scale * count)
  return { peers: scaled(peers), clients: scaled(clients), requests: scaled(requests) }
}

/** A whole table takes long: each row is shown as soon as it is known. */
function logRow(row: Row | undefined, startedMs: number): void {
  const tookS = Math.round((performance.now() - startedMs) / 1_000)
  console.error(`${Object.values(row ?? {}).join(' | ')} (${tookS} s)`)
}

async function attackRows(): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const attack of chosen(ATTACKS)) {
    const startedMs = performance.now()
    const options = { seed, scale: values.quick ? smallScaleOf(attack) : scale }
    const found = await attack.run(options)
    const control = await attack.run({ ...options, without: controlOf(attack) })
    const holds = beyondLimits(found).length === 0
    const moved = beyondLimits(control)
    const fails = attack.moves.every((name) => moved.includes(name))
    failures += Number(!holds) + Number(!fails)
    rows.push({
      attack: attack.name,
      criterion: attack.criterion,
      measured: figures(found.figures),
      met: holds ? 'yes' : 'no',
      'control, without': controlOf(attack).join(' and '),
      'control measured': figures(control.figures),
      'must move': attack.moves.join(', '),
      'control fails': fails ? 'yes' : 'no',
    })
    logRow(rows.at(-1), startedMs)
  }
  return rows
}

function realityRows({
  real,
  simulated,
}: {
  readonly real: Side
  readonly simulated: Side
}): readonly Row[] {
  return (Object.keys(MARGINS) as (keyof Side)[]).map((figure) => {
    const [was, simulatedAs] = [real[figure], simulated[figure]]
    const meets = withinMargin(figure, was, simulatedAs)
    failures += Number(!meets)
    return {
      figure,
      real: round(was),
      simulated: round(simulatedAs),
      'simulated ÷ real': was === 0 ? '' : round(simulatedAs / was),
      margin: marginOf(figure),
      met: meets ? 'yes' : 'no',
    }
  })
}

function figures(measured: Readonly<Record<string, Figure>>): string {
  return Object.entries(measured)
    .map(([name, { value }]) => `${name} ${round(value)}`)
    .join(', ')
}

function markdown(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {})
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) => line(columns.map((column) => row[column] ?? ''))),
  ].join('\n')
}

async function writePlot(name: string, { timeline, virtualMs }: ScenarioResult): Promise<void> {
  const folder = new URL('simulation/', DOCS)
  await mkdir(folder, { recursive: true })
  const svg = plot(`${name}: requests that ended, by virtual time`, virtualMs / 1_000, [
    { name: 'answered', color: '#1a7f37', values: timeline.map(({ answered }) => answered) },
    { name: 'failed', color: '#cf222e', values: timeline.map(({ failed }) => failed) },
  ])
  await writeFile(new URL(fileOf(name), folder), svg)
}

function fileOf(name: string): string {
  return `${name.replaceAll(/[^a-z0-9]+/gi, '-').replace(/^-/, '')}.svg`
}

/** Sections that were not run keep their text. */
async function writeDocs(): Promise<void> {
  const path = new URL('simulation.md', DOCS)
  const before = await readFile(path, 'utf8').catch(() => '')
  const kept = new Map(
    before
      .split(/^(?=## )/m)
      .map((text) => [/^## (.*)$/m.exec(text)?.[1] ?? '', `${text.trimEnd()}\n`]),
  )
  const tables = Object.values(PARTS).flatMap(
    (title) => sections.get(title) ?? kept.get(title) ?? [],
  )
  const intro =
    'Results of the simulator. `npm run sim -- --write` writes this file; with `--part load`, `attacks` or `reality` it replaces one table. The simulator runs the shipped dispatcher, router, budgets, admission, reputation and auditor in virtual time, over peers with engines of constant speed; answers arrive in pieces of up to 8 tokens. Simulated are the network (round trips of 20 and 120 ms), the DHT (64 random candidates) and the ratings of tokens by engines (at the rates that `npm run bench -- detection` measures). The wire format and discovery are not run. One attack is missing, because it targets a simulated part: the eclipse of a key is tested on the real DHT with 50 hosts, 20 of them hostile and closest to the key (`test/integration/eclipse.test.ts`).'
  const plots = SCENARIOS.map(({ name }) => `![${name}](simulation/${fileOf(name)})`)
  const text = ['# Simulation', '', intro, '', ...tables, '## Plots', '', ...plots, '']
  await writeFile(path, text.join('\n'))
}
