import { cpuMs } from './cpu-time.ts'
import { startPeer } from './peer-process.ts'
import { type Report, round } from './report.ts'
import { residentKib } from './resident.ts'
import { TIMED_MODEL } from './timed-engine.ts'

const TOKENS = 40
const PACE_MS = 1_000
const WARM_UP = 200
const DEADLINE_MS = 600_000

/** Slow answers that all run at once through one gateway. */
export async function many(quick: boolean): Promise<Report> {
  const count = quick ? 250 : 2_000
  const nodes = quick ? 4 : 8
  await using bootstrap = await startPeer({ kind: 'host' })
  const engine = {
    type: 'plain',
    slots: Math.ceil(count / nodes),
    paceMs: PACE_MS,
    prefillMs: 0,
  } as const
  await using _nodes = await startPeer({
    ...{ kind: 'nodes', count: nodes, engine },
    bootstrap: bootstrap.addresses,
  })
  await using gateway = await startPeer({ kind: 'gateway', bootstrap: bootstrap.addresses })
  const [url = ''] = gateway.addresses
  // The first ones compile the code and grow the heap.
  await Promise.all(Array.from({ length: WARM_UP }, () => answered(url, 1)))
  const before = { kib: residentKib(gateway.pid), cpu: cpuMs(gateway.pid) }
  let open = 0
  let most = 0
  let kib = 0
  const results = await Promise.allSettled(
    Array.from({ length: count }, () =>
      answered(url, TOKENS, () => {
        open += 1
        if (open <= most) return
        most = open
        if (open === count) kib = residentKib(gateway.pid)
      }).finally(() => {
        kib ||= residentKib(gateway.pid)
        open -= 1
      }),
    ),
  )
  const failed = results.filter(({ status }) => status === 'rejected')
  const [first] = failed
  return {
    title: `${count} answers of ${TOKENS} tokens, one a second each, at once over ${nodes} nodes`,
    rows: [
      {
        answers: count,
        'at once': most,
        failed: failed.length,
        'KiB each': round((kib - before.kib) / count),
        'CPU ms each': round((cpuMs(gateway.pid) - before.cpu) / count),
      },
    ],
    notes: [
      'Memory of the gateway while all answers run, beyond what it takes after a few short ones.',
      'Goals: no failure, 150 KiB each.',
      ...(first?.status === 'rejected' ? [`The first failure: ${String(first.reason)}`] : []),
    ],
  }
}

/** @param onFirst called with the first token */
async function answered(url: string, tokens: number, onFirst?: () => void): Promise<void> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: TIMED_MODEL,
      messages: [{ role: 'user', content: 'Count from 1 to 400.' }],
      max_tokens: tokens,
      stream: true,
    }),
    signal: AbortSignal.timeout(DEADLINE_MS),
  })
  let text = ''
  const decoder = new TextDecoder()
  for await (const bytes of response.body ?? []) {
    if (text === '') onFirst?.()
    text = (text + decoder.decode(bytes as Uint8Array, { stream: true })).slice(-2_000)
  }
  const isWhole = response.ok && text.includes('[DONE]')
  if (!isWhole) throw new Error(`${response.status} ${text}`)
}
