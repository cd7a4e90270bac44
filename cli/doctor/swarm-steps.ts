import type { Client } from '../../client/index.ts'
import {
  InferenceError,
  matchesDigest,
  parseModelReference,
  plainLine,
} from '../../protocol/index.ts'
import { COMPARE_CLOCK, clockLines, SET_CLOCK } from '../clock-report.ts'
import type { Finding, Step } from './diagnose.ts'

const DIAL_TIMEOUT_MS = 5_000

interface SwarmStepsInit {
  readonly client: Client
  /** As typed. */
  readonly bootstrap: readonly string[]
  readonly model?: string
  readonly commandName: string
  readonly signal: AbortSignal
}

/** Checks that need other peers, with one dial step for each bootstrap address. */
export function swarmSteps(init: SwarmStepsInit): Step[] {
  return [
    ...init.bootstrap.map(
      (address): Step => ({ name: `bootstrap ${address}`, run: () => dial(init, address) }),
    ),
    { name: 'peers', run: () => findPeers(init) },
    { name: 'clock', run: () => checkClock(init) },
    { name: 'model', needs: ['peers'], run: () => findModel(init) },
    { name: 'answer', needs: ['model'], run: () => answer(init) },
  ]
}

async function dial({ client, signal }: SwarmStepsInit, address: string): Promise<Finding> {
  try {
    await client.host.connect(address, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]),
    })
    return { ok: true, message: 'reached' }
  } catch (error) {
    return {
      ok: false,
      message: plainLine(error instanceof Error ? error.message : String(error)),
      advice:
        'check that it is running, that the address (with its peer id) is the one it prints, and that no firewall blocks it. In a private swarm both sides need the same invite.',
    }
  }
}

async function findPeers({ client, commandName, signal }: SwarmStepsInit): Promise<Finding> {
  const advice = `start a node with \`${commandName} node\`, or name a peer of the swarm with --bootstrap`
  try {
    const peers = await client.peers({ signal })
    const alive = peers.filter(({ state }) => state !== undefined)
    const message = `${alive.length} of ${peers.length} known nodes answer`
    return alive.length > 0 ? { ok: true, message } : { ok: false, message, advice }
  } catch (error) {
    if (!InferenceError.is(error, 'no_peers')) throw error
    return { ok: false, message: plainLine(error.message), advice }
  }
}

/** The clocks of the peers that answered. One peer against this machine does not show whose clock is off. */
async function checkClock({ client }: SwarmStepsInit): Promise<Finding> {
  const report = client.host.clock()
  const message = clockLines(report).map(plainLine).join('; ')
  if (report.own === 'off') return { ok: false, message, advice: SET_CLOCK }
  if (report.own === 'unclear') {
    return { ok: false, message, advice: COMPARE_CLOCK }
  }
  return { ok: true, message }
}

async function findModel({ client, model, commandName, signal }: SwarmStepsInit): Promise<Finding> {
  const models = await client.models({ signal })
  const ids = models.map(({ id }) => plainLine(id)).join(', ')
  if (model === undefined)
    return { ok: models.length > 0, message: ids || 'no model is served now' }
  const wanted = parseModelReference(model)
  const found = models.find(
    ({ id, aliases, digests }) =>
      (id === wanted.id || aliases.includes(wanted.id)) &&
      (wanted.digest === undefined ||
        digests.some((one) => matchesDigest(one, wanted.digest ?? ''))),
  )
  if (found !== undefined) {
    return { ok: true, message: `${found.peers.length} peers serve ${plainLine(model)}` }
  }
  return {
    ok: false,
    message: `no peer serves ${plainLine(model)}; available: ${ids}`,
    advice: `choose one of those, or serve it with \`${commandName} node --model …\``,
  }
}

async function answer({ client, model, signal }: SwarmStepsInit): Promise<Finding> {
  const models = await client.models({ signal })
  const chat = models.find(({ capabilities }) => capabilities.includes('chat'))
  const asked = model ?? chat?.id
  if (asked === undefined) return { ok: true, message: 'not tried: no chat model is served' }
  const startedAt = performance.now()
  const completion = await client.chat(
    { model: asked, messages: [{ role: 'user', content: 'Hello.' }], max_tokens: 1 },
    { signal },
  )
  const tookMs = Math.round(performance.now() - startedAt)
  return {
    ok: true,
    message: `${plainLine(asked)} at ${completion.skein.peerId} took ${tookMs} ms`,
  }
}
