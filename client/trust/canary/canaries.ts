import { hasCapabilities } from '../../../backend/index.ts'
import { type AnswerRequest, InferenceError, isExpired } from '../../../protocol/index.ts'
import { type Clock, openScope } from '../../../timing/index.ts'
import type { AttemptEvent, AttemptSource } from '../../attempt/index.ts'
import { type Directory, drawOverNetworks } from '../../peers/index.ts'
import { type Candidate, encodeRequest, type RequestLimits } from '../../request/index.ts'
import { AnswerRecorder, type Auditor } from '../audit/index.ts'
import { type Reputation, specClassOf } from '../reputation/index.ts'
import { generateCanary } from './generate.ts'
import { OwnTraffic } from './own-traffic.ts'

/** Share of the tokens answered that may be spent on canaries. */
const SHARE = 0.02
/** Initial budget, for the first contact. */
const INITIAL_TOKENS = 64
/** Max budget, so that a busy day is not followed by a flood of canaries. */
const MAX_TOKENS = 2_048
/** Min interval between canaries. */
const EVERY_MS = 5_000
/** Cost of a canary that failed. */
const FAILED_TOKENS = 64

/** The source of canaries. */
export type CanaryMode = 'generated' | 'off' | 'own-traffic'

const MODES: readonly CanaryMode[] = ['generated', 'off', 'own-traffic']

/** @throws InferenceError `invalid_request` */
export function parseCanaryMode(mode: string): CanaryMode {
  const known = MODES.find((name) => name === mode)
  if (known !== undefined) return known
  throw new InferenceError(
    'invalid_request',
    `unknown canary mode '${mode}'; use one of ${MODES.join(', ')}`,
    { details: { param: 'canaries' } },
  )
}

export interface CanariesInit {
  readonly mode: CanaryMode
  readonly attempt: AttemptSource
  readonly limits: RequestLimits
  readonly directory: Pick<Directory, 'known'>
  readonly reputation: Reputation
  readonly auditor: Pick<Auditor, 'audit' | 'checkForFree'>
  readonly clock: Clock
  /** From 0, below 1. */
  readonly random: () => number
}

/**
 * Sends test requests that look like ordinary ones, mostly to unknown peers. Their answers are rated like others, so that
 * no user's request has to be the first. At most one at a time, and at most 2 % of the tokens answered.
 */
export class Canaries {
  readonly #init: CanariesInit
  readonly #own = new OwnTraffic()
  #tokens = INITIAL_TOKENS
  #lastMs = Number.NEGATIVE_INFINITY
  #running: boolean = false
  #sent = 0

  constructor(init: CanariesInit) {
    this.#init = init
  }

  /** Number of canaries sent. */
  get sent(): number {
    return this.#sent
  }

  /**
   * Adds an answered request to the budget, and sends a canary if one is due. Failures are ignored.
   *
   * @param served the peer that answered; the canary goes to a peer with the same weights
   */
  async answered(
    { model }: Pick<Candidate, 'model'>,
    request: AnswerRequest,
    tokens: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { mode, clock } = this.#init
    if (mode === 'off') return
    if (mode === 'own-traffic') this.#own.note(request)
    this.#tokens = Math.min(MAX_TOKENS, this.#tokens + SHARE * tokens)
    const isDue = !this.#running && this.#tokens > 0 && clock.now() - this.#lastMs >= EVERY_MS
    const candidate = isDue ? this.#choose(model.digest) : undefined
    if (candidate === undefined) return
    this.#running = true
    this.#lastMs = clock.now()
    try {
      await this.#send(candidate, signal)
    } catch {
      this.#tokens -= FAILED_TOKENS
    } finally {
      this.#running = false
    }
  }

  /** A newcomer, drawn over networks; without newcomers, any peer. */
  #choose(digest: string | undefined): Candidate | undefined {
    const { directory, reputation, random, clock } = this.#init
    if (digest === undefined) return undefined
    const all = directory.known().flatMap((advertisement): Candidate[] => {
      const { peerId, models } = advertisement
      const key = peerId.toString()
      const model = models.find(
        (served) =>
          served.digest === digest && hasCapabilities(served, ['chat', 'score', 'token_ids']),
      )
      const mayBeAsked =
        model !== undefined &&
        !isExpired(advertisement, clock.wall()) &&
        !reputation.isExcluded(key, specClassOf(model))
      return mayBeAsked ? [{ peerId, key, advertisement, model }] : []
    })
    // Without a second peer, no peer could rate the answer.
    if (all.length < 2) return undefined
    const unknown = all.filter(({ key, model }) => !reputation.isProven(key, specClassOf(model)))
    return drawOverNetworks(unknown.length > 0 ? unknown : all, random)
  }

  async #send(candidate: Candidate, signal: AbortSignal): Promise<void> {
    const { attempt, limits, auditor, clock, random } = this.#init
    const { model, peerId } = candidate
    const drawn = this.#own.draw(random) ?? generateCanary(random)
    const body = { ...drawn, model: model.id, temperature: 0, stream: true }
    const request = { kind: 'chat' as const, body }
    using scope = openScope({ timeoutMs: limits.timeoutMs, clock }, { signal })
    const recorder = new AnswerRecorder(request, undefined)
    const wire = encodeRequest(request, model.digest)
    this.#sent += 1
    const events = attempt(
      { peerId, request: wire, limits, remainingMs: () => scope.remainingMs() },
      { signal: scope.signal },
    )
    for await (const together of events) {
      for (const event of together) this.#record(event, candidate, recorder)
    }
    for (const input of recorder.inputs()) auditor.checkForFree(input)
    const { subject } = recorder
    if (subject !== undefined) await auditor.audit(subject, scope)
  }

  #record(event: AttemptEvent, candidate: Candidate, recorder: AnswerRecorder): void {
    if (event.type === 'chunk') {
      const { chunk, tokenIds, logprobs } = event
      recorder.record({
        type: 'chunk',
        peerId: candidate.key,
        chunk,
        candidate,
        tokenIds,
        logprobs,
      })
    } else if (event.type === 'done') {
      this.#tokens -= event.usage.promptTokens + event.usage.completionTokens
    }
  }
}
