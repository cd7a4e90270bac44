import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { brokenConnections } from '../testing/chaos/scenarios/broken-connections.ts'
import { churn } from '../testing/chaos/scenarios/churn.ts'
import { count, type Loss } from '../testing/chaos/scenarios/count.ts'
import { faultMatrix } from '../testing/chaos/scenarios/fault-matrix.ts'
import { freshClient } from '../testing/chaos/scenarios/fresh-client.ts'
import { herd } from '../testing/chaos/scenarios/herd.ts'
import { type OverloadSize, overload } from '../testing/chaos/scenarios/overload.ts'
import { syncStorm } from '../testing/chaos/scenarios/sync-storm.ts'
import type { Tally } from '../testing/chaos/watch.ts'
import { whyNoProcessNetworks } from '../testing/faults/chaos-network.ts'
import { formatReport, percentile, round } from './report.ts'

/** The long suite: every chaos scenario at its full size. Its table goes to docs/churn.md. */

const TARGET = new URL('../docs/churn.md', import.meta.url)

/** The result of one scenario. */
interface Verdict {
  readonly tally: Tally
  /** Further results, in a few words. */
  readonly found: string
  /** Missed criteria; empty if the scenario passes. */
  readonly missed: readonly string[]
}

interface Scenario {
  readonly name: string
  /** Description for the reader of the table. */
  readonly what: string
  readonly run: () => Promise<Verdict>
}

/** Goals. */
const GOODPUT_UNDER_OVERLOAD = 0.9
const GOODPUT_RECOVERED = 0.95
const RECOVERED_WITHIN_MS = 10_000
/** Each conversation is prefilled once at a survivor, once after its return, and again for requests in flight. */
const MAX_PREFILL_FACTOR = 5

const exact = ({ failed, wrong, lost, doubled }: Tally): string[] => [
  ...(failed > 0 ? [`${failed} failed`] : []),
  ...untouched({ wrong, lost, doubled }),
]

/** Faults that no scenario may have. */
const untouched = ({
  wrong,
  lost,
  doubled,
}: Pick<Tally, 'doubled' | 'lost' | 'wrong'>): string[] =>
  wrong + lost + doubled > 0 ? [`${wrong} wrong answers, ${lost} lost, ${doubled} doubled`] : []

const missing = (goal: string, holds: boolean): string[] => (holds ? [] : [goal])
const percent = (share: number): string => `${Math.round(share * 100)} %`
const seconds = (ms: number): string => (Number.isFinite(ms) ? `${round(ms / 1_000)} s` : 'never')

const counting = (loss: Loss): Scenario => ({
  name: `count, ${loss}`,
  what: `"Count from 1 to 100." over five \`skein node\` processes with the bundled model; ${loss} of the serving one every 20 numbers; three answers`,
  run: async () => {
    const size = { nodes: 5, last: 100, every: 20, losses: [loss], times: 3 }
    const { losses, ...tally } = await count(size)
    const found = `${losses} losses, ${tally.resumes} resumes`
    const missed = [...exact(tally), ...missing('12 resumes', tally.resumes >= 12)]
    return { tally, found, missed }
  },
})

const broken = (fault: Parameters<typeof brokenConnections>[0]['fault']): Scenario => ({
  name: `connections, ${fault}`,
  what: `four concurrent answers over five nodes behind TCP proxies, four of which ${fault} mid-answer; ten rounds`,
  run: async () => {
    const size = { fault, nodes: 5, rounds: 10, atOnce: 4 }
    const { broken: breaks, ...tally } = await brokenConnections(size)
    return { tally, found: `${breaks} breaks, ${tally.resumes} resumes`, missed: exact(tally) }
  },
})

const OVERLOAD: OverloadSize = {
  nodes: 3,
  clients: 3,
  calmMs: 8_000,
  overloadMs: 20_000,
  afterMs: 15_000,
}

/** Result of the protected run, which the control is compared with. */
let protectedShare = Number.NaN

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'fault matrix',
    what: 'each fault, before the first piece and mid-answer, for streamed and buffered chats and completions and for embeddings, over in-memory streams; ten times',
    run: async () => {
      const tally = await faultMatrix({ times: 10 })
      return { tally, found: 'identical to the undisturbed answer', missed: exact(tally) }
    },
  },
  broken('reset'),
  broken('cut'),
  broken('blackhole'),
  counting('SIGKILL'),
  counting('SIGSTOP'),
  counting('network cut'),
  {
    name: 'churn',
    what: '10 nodes; every 6 s a new one starts and a random one is killed with SIGKILL; 4 requests a second; 20 kills',
    run: async () => {
      const size = { nodes: 10, kills: 20, everyMs: 6_000, perSecond: 4 }
      const tally = await churn(size)
      return { tally, found: `${size.kills} kills, ${tally.resumes} resumes`, missed: exact(tally) }
    },
  },
  {
    name: 'fresh client',
    what: "a client's first request, whose serving peer is killed at the first number and twice again; ten clients",
    run: async () => {
      const { kills, ...tally } = await freshClient({ clients: 10 })
      return { tally, found: `${kills} kills, ${tally.resumes} resumes`, missed: exact(tally) }
    },
  },
  {
    name: 'overload',
    what: 'three times the capacity for 20 s, then 0.8 of it; refused requests fail with a typed error, as required',
    run: async () => {
      const { peak, during, recovered, recoveryAfterMs, ...tally } = await overload(OVERLOAD)
      protectedShare = during / peak
      return {
        tally,
        found: `goodput ${percent(protectedShare)} of peak; 95 % again ${seconds(recoveryAfterMs)} later`,
        missed: [
          ...untouched(tally),
          ...missing('90 % of peak', protectedShare >= GOODPUT_UNDER_OVERLOAD),
          ...missing('95 % within 10 s', recoveryAfterMs <= RECOVERED_WITHIN_MS),
          ...missing('95 % in the end', recovered >= GOODPUT_RECOVERED),
        ],
      }
    },
  },
  {
    name: 'overload, control',
    what: 'the same without budgets and admission: it must do clearly worse, or the run above proves nothing',
    run: async () => {
      const control = await overload({ ...OVERLOAD, protection: 'off' })
      const { peak, during, recoveryAfterMs, ...tally } = control
      const share = during / peak
      return {
        tally,
        found: `goodput ${percent(share)} of peak; 95 % again ${seconds(recoveryAfterMs)} later`,
        missed: [
          ...untouched(tally),
          ...missing('clearly worse than with protection', share < protectedShare / 1.5),
        ],
      }
    },
  },
  {
    name: 'sync storm',
    what: 'eight nodes advertise, and announce all their records, at the same moment four times a second, at five requests a second',
    run: async () => {
      const size = { nodes: 8, halfMs: 15_000, perSecond: 5, everyMs: 250 }
      const { storms, calmTtftMs, stormyTtftMs, ...tally } = await syncStorm(size)
      const found = `${storms} storms; median TTFT ${round(calmTtftMs)} ms before, ${round(stormyTtftMs)} ms in them`
      return { tally, found, missed: exact(tally) }
    },
  },
  {
    name: 'restart herd',
    what: '8 of 10 nodes are killed at once and restart at once as the same peers, at twice the load that the other two can serve',
    run: async () => {
      const size = {
        nodes: 10,
        conversations: 30,
        calmMs: 8_000,
        deadMs: 4_000,
        afterMs: 20_000,
      }
      const found = await herd(size)
      const prefill = found.prefilled / found.onceAnew
      return {
        tally: found,
        found: `answered: ${percent(found.before)} before, ${percent(found.between)} meanwhile, ${percent(found.after)} after; 95 % again ${seconds(found.recoveryAfterMs)} after the restart; prompts recomputed ${round(prefill)} times (${round(found.withoutCache / found.onceAnew)} without affinity)`,
        missed: [
          ...untouched(found),
          ...missing('95 % in the end', found.after >= GOODPUT_RECOVERED),
          ...missing('95 % within 10 s', found.recoveryAfterMs <= RECOVERED_WITHIN_MS),
          ...missing(`prompts ≤ ${MAX_PREFILL_FACTOR} times`, prefill <= MAX_PREFILL_FACTOR),
        ],
      }
    },
  },
]

type Row = Readonly<Record<string, string | number>>

function rowOf({ name }: Scenario, { tally, found, missed }: Verdict): Row {
  const at = (p: number): string | number =>
    tally.recoveryMs.length === 0 ? '–' : Math.round(percentile(tally.recoveryMs, p))
  return {
    scenario: name,
    requests: tally.requests,
    failed: tally.failed,
    'recovery p50 ms': at(0.5),
    'recovery p99 ms': at(0.99),
    'tokens lost': tally.lost,
    'tokens doubled': tally.doubled,
    found: missed.length === 0 ? found : `${found} (MISSED: ${missed.join('; ')})`,
  }
}

function markdown(rows: readonly Row[], notes: readonly string[]): string {
  const columns = Object.keys(rows[0] ?? {})
  const line = (cells: readonly unknown[]): string => `| ${cells.join(' | ')} |`
  return [
    '# Churn',
    '',
    `What \`npm run churn\` found on a machine with ${availableParallelism()} cores that ran clients and all nodes. A run takes a quarter of an hour; \`npm test\` runs the same scenarios at a smaller size.`,
    '',
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) => line(columns.map((column) => row[column]))),
    '',
    '- *failed*: ended in a typed error. *tokens lost* and *doubled*: compared with the one correct answer, by longest common subsequence; a failed answer is compared with as much of it as it had reached.',
    '- *recovery*: from the loss of the serving peer to the next piece at the caller. For a silent peer it includes the stall timeout.',
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n')
}

// Exit handlers also run after Ctrl-C.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

/** Substrings of scenario names; empty for all. */
const wanted = process.argv.slice(2)
const noNetworks = whyNoProcessNetworks()
const named = SCENARIOS.filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
)
const rows: Row[] = []
const notes: string[] = []
let missed = 0
for (const scenario of named) {
  if (scenario.name.includes('network') && noNetworks !== undefined) {
    notes.push(`*${scenario.name}* was skipped: ${noNetworks}.`)
    continue
  }
  const verdict = await scenario.run()
  missed += verdict.missed.length
  rows.push(rowOf(scenario, verdict))
  notes.push(`*${scenario.name}*: ${scenario.what}.`)
  console.log(
    formatReport(scenario.name, { title: scenario.what, rows: rows.slice(-1), notes: [] }),
  )
  const { errors, failures } = verdict.tally
  if (verdict.tally.failed > 0) console.log(JSON.stringify(errors), `\n${failures.join('\n')}\n`)
}
// A partial run must not replace the table of the whole suite.
if (named.length === SCENARIOS.length) await writeFile(TARGET, markdown(rows, notes))
process.exit(missed > 0 ? 1 : 0)
