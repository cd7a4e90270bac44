import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '../../client/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import { EXIT } from '../exit-codes.ts'
import type { Session } from '../runtime.ts'
import { emitDone, type StreamedAnswer, streamAnswer } from '../stream-answer.ts'
import { createNarration, type Narration } from './narration.ts'
import { type PeerProcess, startPeer } from './peer-process.ts'

const MODEL = 'skein-tiny'
const NODES = 3
const LAST = 60
const PROMPT = `Count from 1 to ${LAST}.`
const EXPECTED = `${Array.from({ length: LAST }, (_, index) => index + 1).join(', ')}.`
const LOOPBACK = ['--listen', '/ip4/127.0.0.1/tcp/0'] as const
/** Until the client has found every node. */
const DISCOVERY_TIMEOUT_MS = 20_000

/** @returns the exit code: a failure unless both answers are whole. */
export async function runDemo(session: Session): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'skein-demo-'))
  const processes: PeerProcess[] = []
  const start = (...args: string[]): PeerProcess => {
    const started = startPeer(session, args)
    processes.push(started)
    return started
  }
  const narration = createNarration(session)
  try {
    return await abortable(session.signal, tell(session, narration, folder, start))
  } finally {
    await Promise.all(processes.map((started) => started.stop()))
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    narration.say('Everything is stopped.')
  }
}

async function tell(
  session: Session,
  narration: Narration,
  folder: string,
  start: (...args: string[]) => PeerProcess,
): Promise<number> {
  const bootstrapDir = join(folder, 'bootstrap')
  const bootstrap = await narration.during(
    'A bootstrap peer is up; it only introduces peers to each other.',
    start('bootstrap', '--data-dir', bootstrapDir, ...LOOPBACK).ready,
  )
  const entry = bootstrap.addresses[0] ?? ''
  const nodes = new Map<string, PeerProcess>()
  const starting = Array.from({ length: NODES }, async (_, index) => {
    const dataDir = join(folder, `node-${index}`)
    const args = ['--backend', 'embedded', '--data-dir', dataDir, '--bootstrap', entry]
    const node = start('node', ...args, ...LOOPBACK)
    const { peerId } = await node.ready
    nodes.set(peerId, node)
    narration.addPeer(peerId)
  })
  await narration.during(
    `${NODES} nodes serve ${MODEL}, each with an engine of its own.`,
    all(starting),
  )
  await using client = await createClient({ bootstrap: [entry], dataDir: join(folder, 'client') })
  await narration.during(
    'A client has joined and found them through the DHT.',
    foundAll(session, client),
  )
  await list(client, narration, session.signal)
  const first = await ask(session, client, narration)
  const served = servedBy(first)
  nodes.get(served)?.kill()
  narration.say(`Killed ${narration.peer(served)} with SIGKILL. Asking again at once.`)
  const second = await ask(session, client, narration)
  narration.say(verdict(narration, [first, second], served))
  return first.text === EXPECTED && second.text === EXPECTED ? EXIT.ok : EXIT.failure
}

async function foundAll(session: Session, client: Client): Promise<void> {
  const deadline = AbortSignal.any([session.signal, AbortSignal.timeout(DISCOVERY_TIMEOUT_MS)])
  for (;;) {
    const updated = nextUpdate(client, deadline)
    const peers = await client.peers({ signal: deadline })
    if (peers.filter(({ load }) => load !== undefined).length >= NODES) return
    await updated
  }
}

/** How often to look again where no advertisement comes by itself. */
const LOOK_AGAIN_MS = 250

function nextUpdate(client: Client, deadline: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      unsubscribe()
      clearTimeout(timer)
      deadline.removeEventListener('abort', settle)
      if (deadline.aborted)
        reject(new InferenceError('no_peers', 'the nodes were not found in time'))
      else resolve()
    }
    const unsubscribe = client.host.book.onUpdate(settle)
    const timer = setTimeout(settle, LOOK_AGAIN_MS)
    deadline.addEventListener('abort', settle)
  })
}

async function list(client: Client, narration: Narration, signal: AbortSignal): Promise<void> {
  for (const model of await client.models({ signal })) {
    narration.say(`Model ${model.id}: ${model.peers.length} peers, context ${model.contextLength}`)
  }
  for (const peer of await client.peers({ signal })) {
    const rtt = peer.rttMs === undefined ? '' : `, ${peer.rttMs.toFixed(1)} ms away`
    narration.say(`  ${narration.peer(peer.peerId)} is ${peer.load?.state ?? 'unreachable'}${rtt}`)
  }
}

async function ask(
  session: Session,
  client: Client,
  narration: Narration,
): Promise<StreamedAnswer> {
  const { terminal, signal } = session
  narration.say(`"${PROMPT}"`)
  let shownPeer = ''
  const answer = await streamAnswer(
    client,
    terminal,
    { model: MODEL, messages: [{ role: 'user', content: PROMPT }], temperature: 0, seed: 1 },
    {
      signal,
      show: (piece, peerId) => {
        const label = peerId === shownPeer ? '' : `         ${narration.peer(peerId)}: `
        shownPeer = peerId
        return label + narration.piece(piece, peerId)
      },
    },
  )
  terminal.print('\n')
  emitDone(terminal, answer)
  const tried = answer.attempts.map(({ peerId, outcome, ttftMs }) => {
    const ttft = ttftMs === undefined ? '' : ` after ${Math.round(ttftMs)} ms`
    return `${narration.peer(peerId)} ${outcome}${ttft}`
  })
  narration.say(`Attempts: ${tried.join('; ')}`)
  return answer
}

function servedBy(answer: StreamedAnswer): string {
  return answer.attempts.find(({ outcome }) => outcome === 'answered')?.peerId ?? ''
}

function verdict(
  narration: Narration,
  [first, second]: readonly [StreamedAnswer, StreamedAnswer],
  killed: string,
): string {
  if (first.text !== EXPECTED) return `The first answer is wrong: ${first.text}`
  if (second.text !== EXPECTED) return `The second answer is wrong: ${second.text}`
  return `Both answers count from 1 to ${LAST}; ${narration.peer(killed)} died, ${narration.peer(servedBy(second))} answered.`
}

/** All of them, or the first failure, whatever the others do. */
async function all(starting: readonly Promise<void>[]): Promise<void> {
  await Promise.all(starting)
}

/** Gives up waiting as soon as the process is told to stop. The work itself ends with the processes it needs. */
function abortable<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    work
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
      .catch(() => undefined)
    if (signal.aborted) onAbort()
  })
}
