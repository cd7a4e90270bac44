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

/** Of the tokens answered, so many may be spent on canaries. */
const SHARE = 0.02
/** For the first contact. What is spent beyond it has to be earned first. */
const INITIAL_TOKENS = 64
/** Saved up at most, so that a busy day is not followed by a flood of them. */
const MAX_TOKENS = 2_048
/** Between two of them. */
const EVERY_MS = 5_000
/** What one is charged that never came to its end. */
const FAILED_TOKENS = 64

/** Where canaries come from, if there are any. */
export type CanaryMode = 'generated' | 'off' | 'own-traffic'

const MODES: readonly CanaryMode[] = ['generated', 'off', 'own-traffic']

/** @throws InferenceError `invalid_request` */
export function parseCanaryMode(mode: string): CanaryMode {
  const known = MODES.find((name) => name === mode)
  if (known !== undefined) return known
  throw new InferenceError('invalid_request', `canaries are ${MODES.join(', ')}, not '${mode}'`, {
    details: { param: 'canaries' },
  })
}

export interface CanariesInit {
  readonly mode: CanaryMode
  readonly attempt: AttemptSource
  readonly limits: RequestLimits
  readonly directory: Pick<Directory, 'known'>
  readonly reputation: Reputation
  readonly auditor: Pick<Auditor, 'audit' | 'look'>
  readonly clock: Clock
  /** From 0, below 1. */
  readonly random: () => number
}

/**
 * Requests of the client's own that look like any other, to peers that it does not know yet, and now and then to those
 * that it does: their answers are rated like others, and no user's request has to be the first. At most one at a time,
 * and 2 % of the tokens answered.
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

  /** How many were sent. */
  get sent(): number {
    return this.#sent
  }

  /**
   * A request was answered: earns for the next one, and may send it. Nobody waits for it, and its failures are nobody's.
   *
   * @param served by whom; others with the same weights are looked at
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

  /** A newcomer, drawn over networks; where there is none, anybody. */
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
        !reputation.isQuarantined(key, specClassOf(model))
      return mayBeAsked ? [{ peerId, key, advertisement, model }] : []
    })
    // Nobody could rate the answer of the only one.
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
    for await (const event of events) this.#record(event, candidate, recorder)
    for (const input of recorder.inputs()) auditor.look(input)
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
