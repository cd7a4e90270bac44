import { InferenceError } from '../../protocol/index.ts'
import { type Candidate, explainAbsence, type Query } from '../directory/index.ts'
import { choose, costOf, LEAVING_TIER, tierOf } from '../route/index.ts'
import { delay, type Scope } from '../scope.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { BUSY, claimedPromptTokens, conclude, type Failure, mayRepeat, pauseMs } from './verdict.ts'

/** Others probed in the background at each choice, so that the next choice knows more. */
const PROBES_PER_CHOICE = 2

/** Chooses the peers of one request, one after the other. A peer that failed comes again only where no other is left. */
export class Selection {
  readonly #context: DispatchContext
  readonly #query: Query
  readonly #estimatedTokens: number
  readonly #failures: Failure[] = []
  readonly #notBefore = new Map<string, number>()

  constructor(context: DispatchContext, query: Query, estimatedTokens: number) {
    this.#context = context
    this.#query = query
    this.#estimatedTokens = estimatedTokens
  }

  get failures(): readonly Failure[] {
    return this.#failures
  }

  failed(failure: Failure): void {
    this.#failures.push(failure)
    const { random } = this.#context
    const pause = pauseMs(failure, this.#failures.length, random)
    this.#notBefore.set(failure.peer, performance.now() + pause)
  }

  /** Whether a peer is left that says it takes a prompt of this length. */
  hasRoomFor(promptTokens: number): boolean {
    return this.#untried().some(
      ({ model }) => model.contextLength === 0 || model.contextLength > promptTokens,
    )
  }

  /** @throws InferenceError when there is nobody to ask; the scope's reason */
  async next(scope: Scope): Promise<Candidate> {
    const { directory } = this.#context
    const { signal } = scope
    signal.throwIfAborted()
    const usable = this.#untried().filter((candidate) => this.#tier(candidate) < LEAVING_TIER)
    if (usable.length > 0) return this.#pick(usable)
    const isNew = (candidate: Candidate): boolean =>
      !this.#tried(candidate) && this.#tier(candidate) < LEAVING_TIER
    // Busy peers are no reason to look further at once: there are as many as there were.
    const again = this.#failures.some(({ error }) => !BUSY.has(error.code))
    await directory.discover(this.#query, (found) => found.some(isNew), { signal, again })
    const untried = this.#untried()
    if (untried.length > 0) return this.#pick(untried)
    if (this.#failures.length > 0) return await this.#again(scope)
    const absence = await this.#absence(scope)
    // Asking for all nodes may have found what asking for the model did not.
    const late = this.#untried()
    if (late.length === 0) throw absence
    return this.#pick(late)
  }

  async #again(scope: Scope): Promise<Candidate> {
    const { directory } = this.#context
    const last = new Map(this.#failures.map((failure) => [failure.peer, failure]))
    const repeatable = directory.candidates(this.#query).filter(({ key }) => {
      const failure = last.get(key)
      return failure !== undefined && mayRepeat(failure)
    })
    const readyAt = ({ key }: Candidate): number => this.#notBefore.get(key) ?? 0
    const earliest = Math.min(...repeatable.map(readyAt))
    const waitMs = Math.max(0, earliest - performance.now())
    if (repeatable.length === 0 || waitMs >= scope.remainingMs()) throw this.#exhausted()
    await delay(waitMs, scope.signal)
    return this.#pick(repeatable.filter((candidate) => readyAt(candidate) <= earliest))
  }

  #exhausted(): InferenceError {
    const { host } = this.#context
    const unreachable = this.#failures.every(({ error }) => error.code === 'dial_failed')
    const error = conclude(this.#failures)
    if (!unreachable || host.libp2p.getPeers().length > 0) return error
    const known = new Set(this.#failures.map(({ peer }) => peer)).size
    return new InferenceError(
      'no_peers',
      `no peers: ${known} known to serve '${this.#query.reference.id}', none can be reached: ${error.message}`,
      { cause: error },
    )
  }

  async #absence(scope: Scope): Promise<InferenceError> {
    const { directory, host } = this.#context
    const connectedPeers = host.libp2p.getPeers().length
    const advertisements =
      connectedPeers > 0 ? await directory.enumerate({ signal: scope.signal }) : directory.known()
    const bootstrap = host.bootstrapPeers()
    return explainAbsence({ query: this.#query, advertisements, connectedPeers, bootstrap })
  }

  #tried({ key }: Candidate): boolean {
    return this.#failures.some(({ peer }) => peer === key)
  }

  #untried(): Candidate[] {
    return this.#context.directory
      .candidates(this.#query)
      .filter((candidate) => !this.#tried(candidate))
  }

  #promptTokens(): number {
    return claimedPromptTokens(this.#failures) ?? this.#estimatedTokens
  }

  #tier({ key, model }: Candidate): number {
    const { prober, suspects } = this.#context
    const now = performance.now()
    const load = prober.pool.fresh(key, now)
    const promptTokens = this.#promptTokens()
    return tierOf({ load, model, promptTokens, suspect: suspects.has(key, now) })
  }

  #pick(candidates: readonly Candidate[]): Candidate {
    const { prober, latency, inFlight, random } = this.#context
    const options = candidates.map((candidate) => {
      const { key, advertisement } = candidate
      const cost = costOf({
        ...latency.of(key, advertisement.prefillRate),
        load: prober.pool.fresh(key, performance.now()),
        promptTokens: this.#promptTokens(),
        inFlight: inFlight.of(key),
      })
      return { value: candidate, cost, tier: this.#tier(candidate) }
    })
    const chosen: Candidate | undefined = choose(options, random)
    if (chosen === undefined) throw this.#exhausted()
    const others = candidates.filter((candidate) => candidate !== chosen)
    const start = Math.floor(random() * others.length)
    const probed = [...others.slice(start), ...others.slice(0, start)].slice(0, PROBES_PER_CHOICE)
    prober.refresh(probed.map(({ peerId }) => peerId))
    return chosen
  }
}
