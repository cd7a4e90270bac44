import type { Script, ScriptedBackend } from '../../backend/index.ts'
import type { RequestEvent } from '../../client/index.ts'
import { type ScriptedPeerInit, ScriptedSwarm } from '../../testing/swarms/scripted-swarm.ts'
import type { Attack, Figure } from './attack.ts'

/** What only those on the list may read. */
const SECRET = 'my own words'
const TIMEOUT_MS = 20_000
const WIRETAPS = 3

const slow: Script = { prefillMs: 5_000 }
const breaking: Script = { fault: { type: 'end', afterTokens: 5 } }
const capabilities = ['chat', 'token_ids', 'logprobs', 'score'] as const
const SERVES = { model: { capabilities: [...capabilities] } } satisfies ScriptedPeerInit
/** One is so slow that another is asked as well; that one then breaks off, and a third resumes its answer. */
const TRUSTED: readonly ScriptedPeerInit[] = [
  { ...SERVES, scripts: [slow] },
  { ...SERVES, scripts: [{}, breaking] },
  SERVES,
]

/** The shipped client and nodes over in-memory streams, in virtual time; scripted engines. A peer that logs prompts cannot be detected. */
export const promptLogging: Attack = {
  name: 'Prompt logging',
  criterion: `${WIRETAPS} peers that every client would ask first log all they receive: nothing of requests with an allow-list, in attempts, hedges, resumes, audits and canaries`,
  control: 'allow-list',
  moves: ['read by wiretaps'],
  async run({ without = [] }) {
    const wiretaps = Array.from({ length: WIRETAPS }, () => SERVES)
    await using swarm = await ScriptedSwarm.create([...wiretaps, ...TRUSTED], {
      ...{ timeoutMs: TIMEOUT_MS, verify: 'always', canaries: 'own-traffic' },
    })
    const { requester } = swarm.swarm
    const listed = swarm.peers.slice(WIRETAPS).map(({ key }) => key)
    const trusted = without.includes('allow-list') ? {} : { trusted: listed }
    const ask = async (content: string, options: object): Promise<RequestEvent | undefined> => {
      const messages = [{ role: 'user' as const, content }]
      const body = { model: 'm', temperature: 0, messages }
      const answer = requester.streamChat(body, options)
      for await (const _ of answer);
      return answer.event
    }
    const events: (RequestEvent | undefined)[] = []
    for (let n = 0; n < 6; n += 1) events.push(await ask(`${SECRET}: count from 1 to 30.`, trusted))
    // What everybody may see is what a canary comes after, and the canary repeats what was asked before.
    for (let n = 1; n <= 3; n += 1) await ask(`Count from ${n} to 20.`, {})
    await requester.close()
    const reasons = events.flatMap((event) => event?.attempts.map(({ reason }) => reason) ?? [])
    const count = (...wanted: readonly string[]): number =>
      reasons.filter((reason) => wanted.includes(reason)).length
    const engines = swarm.peers.map(({ engine }) => engine)
    const figures = {
      'read by wiretaps': { value: secretsOf(engines.slice(0, WIRETAPS)).length, atMost: 0 },
      attempts: tried(reasons.length),
      hedges: tried(count('hedge')),
      resumes: tried(count('resume', 'stall', 'slow')),
      audits: tried(secretsOf(engines.slice(WIRETAPS)).filter((kind) => kind === 'score').length),
      canaries: tried(requester.stats().audits.canaries),
    }
    return { figures }
  },
}

/** Each way on which a prompt travels must have been used. */
const tried = (value: number): Figure => ({ value, atLeast: 1 })

/** Kinds of the requests that hold it. */
const secretsOf = (engines: readonly ScriptedBackend[]): readonly string[] =>
  engines.flatMap(({ calls }) =>
    calls.flatMap(({ request }) =>
      JSON.stringify(request).includes(SECRET) ? [request.kind] : [],
    ),
  )
