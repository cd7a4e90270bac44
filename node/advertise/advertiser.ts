import type { Logger } from '@libp2p/interface'
import type { Host } from '../../host/index.ts'
import {
  LIMITS,
  type ModelAdvertisement,
  PROTOCOLS,
  sealAdvertisement,
} from '../../protocol/index.ts'
import { type Clock, everyTogether, systemClock } from '../../timing/index.ts'
import { jittered, nextSequence } from './schedule.ts'
import { hasMoved, type Statement } from './statement.ts'

/** Long enough to be valid still for a peer that was offline for a while. */
const LIFETIME_MS = 30 * 60_000
/** Renewed with more than half of its life left: a peer that fetches one can use it for a while. */
const RENEW_MS = 10 * 60_000
/** Time until a new advertisement after this machine's clock was set: peers would take the old one for expired, or for one of the future. */
const LOOK_MS = 5_000
/** The clock was set, or the machine slept, if wall and monotonic clock moved apart by more than this. */
const SET_MS = 10_000
/** Addresses come one by one while a host starts. */
const SETTLE_MS = 250

export interface AdvertiserInit {
  readonly host: Pick<Host, 'libp2p' | 'privateKey' | 'addresses' | 'offerAdvertisement'>
  readonly statement: () => Statement
  readonly now: () => number
  readonly random: () => number
  readonly log: Logger
  /** @default the machine's */
  readonly clock?: Clock
}

/** Keeps the node's advertisement current: issued at the start, again when models or addresses change, and well before it expires. */
export class Advertiser {
  readonly #init: AdvertiserInit
  #sequence = 0n
  readonly #clock: Clock
  #timer: Disposable | undefined
  #look: Disposable | undefined
  /** Wall clock less monotonic clock when the latest one was issued. */
  #driftMs = 0
  #withdrawn: boolean = false
  /** What the latest one says. */
  #said: Statement | undefined
  /** Models and addresses of the latest one, as text: a change is pushed to connected peers. */
  #news: string | undefined
  /** Serializes issues, so that a slow signature cannot replace a newer advertisement with an older one. */
  #last: Promise<void> = Promise.resolve()

  constructor(init: AdvertiserInit) {
    this.#init = init
    this.#clock = init.clock ?? systemClock
  }

  async start(): Promise<void> {
    await this.#issue()
    this.#init.host.libp2p.addEventListener('self:peer:update', this.#onAddresses)
    this.#look = everyTogether(this.#clock, LOOK_MS, () => {
      if (Math.abs(this.#drift() - this.#driftMs) > SET_MS) this.#renewIn(0)
    })
  }

  /** Issues a new advertisement after a change. */
  async refresh(): Promise<void> {
    if (!this.#withdrawn) await this.#issue()
  }

  /** Issues a new advertisement if the load or rates in the latest one are out of date. */
  async refreshIfMoved(): Promise<void> {
    if (this.#said === undefined || this.#withdrawn) return
    if (hasMoved(this.#said, this.#init.statement())) await this.refresh()
  }

  /** Issues an empty advertisement: the node no longer serves any model. Served until the host stops. */
  async withdraw(): Promise<void> {
    if (this.#withdrawn) return
    this.#withdrawn = true
    this.stop()
    await this.#issue()
  }

  stop(): void {
    this.#init.host.libp2p.removeEventListener('self:peer:update', this.#onAddresses)
    this.#timer?.[Symbol.dispose]()
    this.#look?.[Symbol.dispose]()
  }

  #drift(): number {
    return this.#init.now() - this.#clock.now()
  }

  readonly #onAddresses = (): void => this.#renewIn(SETTLE_MS)

  #issue(): Promise<void> {
    const issued = this.#last.then(() => this.#offer())
    this.#last = issued.catch(() => {})
    return issued
  }

  async #offer(): Promise<void> {
    const { host, now, random } = this.#init
    const issuedAtMs = Math.floor(now())
    const wasSet = this.#sequence > 0n && Math.abs(this.#drift() - this.#driftMs) > SET_MS
    this.#driftMs = this.#drift()
    this.#sequence = nextSequence(this.#sequence, issuedAtMs)
    const before = this.#news
    const envelope = await this.#seal(issuedAtMs)
    this.#news = JSON.stringify([this.#said?.models, host.addresses().map(String)])
    // Not pushed: a renewal has no news, and the first one precedes any connection.
    const hasNews = before !== undefined && before !== this.#news
    const notify = this.#withdrawn || hasNews || wasSet
    await host.offerAdvertisement(envelope, { notify })
    if (!this.#withdrawn) this.#renewIn(jittered(RENEW_MS, random()))
  }

  async #seal(issuedAtMs: number): Promise<Uint8Array> {
    const { host, log } = this.#init
    const statement = this.#init.statement()
    this.#said = statement
    const advertisement = {
      ...statement,
      sequence: this.#sequence,
      issuedAtMs,
      expiresAtMs: issuedAtMs + LIFETIME_MS,
      protocols: [PROTOCOLS.inference, PROTOCOLS.keptInference, PROTOCOLS.probe],
      addresses: host.addresses(),
    }
    const all = this.#withdrawn
      ? []
      : statement.models.filter(({ id }) => isShort(id)).map(cutToSize)
    for (let count = Math.min(all.length, LIMITS.maxAdvertisedModels); ; ) {
      const models = all.slice(0, count)
      const envelope = await sealAdvertisement({ ...advertisement, models }, host.privateKey)
      if (envelope.length <= LIMITS.maxAdvertisementBytes || count === 0) {
        if (count < all.length) log.error('only %d of %d models advertised', count, all.length)
        return envelope
      }
      count = Math.floor(count * 0.9)
    }
  }

  #renewIn(ms: number): void {
    this.#timer?.[Symbol.dispose]()
    const renew = (): void => {
      this.refresh().catch((error: unknown) => {
        this.#init.log.error('could not renew the advertisement: %e', error)
        this.#renewIn(SETTLE_MS * 20)
      })
    }
    this.#timer = this.#clock.after(ms, renew, { background: true })
  }
}

/** Peers refuse a whole advertisement for one name that is too long. */
function cutToSize(model: ModelAdvertisement): ModelAdvertisement {
  return {
    ...model,
    aliases: model.aliases.filter(isShort).slice(0, LIMITS.maxAliases),
    fields: model.fields.filter(isShort).slice(0, LIMITS.maxModelFields),
    family: model.family.slice(0, LIMITS.maxNameLength),
    quantization: model.quantization.slice(0, LIMITS.maxNameLength),
    templateHash: model.templateHash.slice(0, LIMITS.maxNameLength),
  }
}

function isShort(name: string): boolean {
  return name.length <= LIMITS.maxNameLength
}
