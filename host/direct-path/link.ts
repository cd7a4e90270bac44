import { InferenceError } from '../../protocol/index.ts'
import { openScope, raceSignal, settledWithin } from '../../timing/index.ts'
import { DIRECT_PATH } from './limits.ts'
import type { Rtc, RtcDataChannel, RtcPeerConnection } from './rtc.ts'
import { candidateLine, descriptionOf, type LinkSide, sideIn } from './session-description.ts'
import { needSpareSockets } from './spare-sockets.ts'

export interface LinkInit {
  readonly rtc: Rtc
  /** URLs of STUN servers. */
  readonly stun: readonly string[]
}

/** What becomes of a link. */
export interface LinkEvents {
  onBytes(bytes: Uint8Array): void
  /** No more than the low mark is unsent. */
  onDrain(): void
  /** Called once. @param error absent if a side closed it */
  onEnd(error?: InferenceError): void
}

/** States in which a peer connection has ended, or is about to. */
const ENDED: ReadonlySet<string> = new Set(['disconnected', 'failed', 'closed'])

/**
 * A channel for bytes to a peer, by ICE, DTLS and SCTP. Whichever side ends it, both handles of the library are closed
 * here: each one left open keeps the process from ending.
 */
export class Link {
  readonly #connection: RtcPeerConnection
  readonly #channel: RtcDataChannel
  readonly #gathered = Promise.withResolvers<void>()
  readonly #opened = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  /** Of `flush`: resolves when nothing is unsent. */
  #sent: PromiseWithResolvers<void> | undefined
  #events: LinkEvents | undefined
  #early: Uint8Array[] = []
  #delivered: number = 0
  /** Since the last bytes came. */
  #unheardBytes: number = 0
  #isClosing: boolean = false
  #isEnded: boolean = false

  constructor({ rtc, stun }: LinkInit) {
    this.#connection = new rtc.PeerConnection('skein', {
      iceServers: stun,
      disableAutoNegotiation: true,
      maxMessageSize: DIRECT_PATH.maxMessageSize,
    })
    // Without a caller that waits, its rejection is of no interest.
    this.#opened.promise.catch(() => {})
    this.#connection.onStateChange((state) => {
      if (ENDED.has(state)) this.#endLater(state === 'failed' ? lost('it failed') : undefined)
    })
    this.#connection.onGatheringStateChange((state) => {
      if (state === 'complete') this.#gathered.resolve()
    })
    this.#connection.onDataChannel((other) => {
      // Its handle is released by a listener and an end.
      other.onClosed(() => {})
      setImmediate(() => other.close())
      this.#endLater(lost('the peer opened another channel'))
    })
    // Agreed on beforehand, so that the peer opens none.
    this.#channel = this.#connection.createDataChannel('', { negotiated: true, id: 0 })
    this.#channel.setBufferedAmountLowThreshold(DIRECT_PATH.unsentBytes.low)
    this.#channel.onOpen(() => this.#opened.resolve())
    this.#channel.onClosed(() => {
      if (!this.#isClosing) this.#endLater()
    })
    this.#channel.onError((message) => this.#endLater(lost(message)))
    this.#channel.onBufferedAmountLow(() => {
      this.#sent?.resolve()
      this.#events?.onDrain()
    })
    this.#channel.onMessage((message) => this.#receive(message))
  }

  /** Resolves when the link has ended and holds nothing any longer. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Bytes of messages that came. */
  get receivedBytes(): number {
    return this.#delivered
  }

  /** Bytes that were sent since the last ones came. The peer may be receiving them still: it sends nothing meanwhile. */
  get unheardBytes(): number {
    return this.#unheardBytes
  }

  /**
   * Begins, and describes this side once its sockets are known, or the time for that is over.
   *
   * @throws InferenceError `path_lost`; `dial_failed` where this machine has no socket left
   */
  async describe(
    type: 'offer' | 'answer',
    { signal }: { readonly signal: AbortSignal },
  ): Promise<LinkSide> {
    await needSpareSockets()
    this.#mustRun()
    this.#connection.setLocalDescription(type)
    using scope = openScope({ timeoutMs: DIRECT_PATH.gatherMs }, { signal })
    await raceSignal(this.#gathered.promise, scope.signal).catch(() => signal.throwIfAborted())
    this.#mustRun()
    return sideIn(this.#connection.localDescription()?.sdp ?? '')
  }

  /** Takes in what the peer said of its side, but for its sockets. For an answer, this comes before `describe`. */
  accept(side: LinkSide, type: 'offer' | 'answer'): void {
    this.#mustRun()
    this.#connection.setRemoteDescription(descriptionOf(side, type), type)
  }

  /**
   * Begins to send packets to the peer's sockets. The answering side waits until its answer has arrived: packets that come
   * before it make the library of the other side give up.
   */
  begin({ candidates }: LinkSide): void {
    if (this.#isEnded) return
    for (const candidate of candidates)
      this.#connection.addRemoteCandidate(candidateLine(candidate), '0')
  }

  /** Waits for the channel. @returns the socket at the other end @throws InferenceError `path_lost` */
  async opened({
    signal,
  }: {
    readonly signal: AbortSignal
  }): Promise<{ readonly ip: string; readonly port: number }> {
    await raceSignal(this.#opened.promise, signal)
    this.#mustRun()
    const remote = this.#connection.getSelectedCandidatePair()?.remote
    if (remote === undefined) throw lost('no pair of sockets')
    return { ip: remote.address, port: remote.port }
  }

  /** Sets where bytes go, those that have come already among them. */
  attach(events: LinkEvents): void {
    this.#events = events
    const early = this.#early
    this.#early = []
    for (const bytes of early) events.onBytes(bytes)
    if (this.#isEnded) events.onEnd()
  }

  /** @returns whether more may be sent at once; else `onDrain` follows @throws InferenceError `path_lost` */
  send(bytes: Uint8Array): boolean {
    this.#mustRun()
    this.#unheardBytes += bytes.byteLength
    // Its result says whether it was sent at once, not whether there is room.
    this.#channel.sendMessageBinary(bytes)
    return this.#channel.bufferedAmount() <= DIRECT_PATH.unsentBytes.high
  }

  /** Ends the link once everything is sent, or the time for that is over. */
  async flush(): Promise<void> {
    if (this.#isEnded) return
    this.#sent = Promise.withResolvers<void>()
    this.#channel.setBufferedAmountLowThreshold(0)
    if (this.#channel.bufferedAmount() > 0)
      await settledWithin(Promise.race([this.#sent.promise, this.ended]), DIRECT_PATH.flushMs)
    if (this.#isEnded) return
    this.#isClosing = true
    // The other side sees this after the last bytes, and hangs up.
    this.#channel.close()
    await settledWithin(this.ended, DIRECT_PATH.flushMs)
    this.close()
  }

  /** Ends the link at once. Idempotent. */
  close(error?: InferenceError): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#opened.reject(error ?? lost('it ended before it was open'))
    this.#channel.close()
    this.#connection.close()
    this.#early = []
    this.#ended.resolve()
    this.#events?.onEnd(error)
  }

  /** The library's objects must not be closed from within their own callbacks. */
  #endLater(error?: InferenceError): void {
    setImmediate(() => this.close(error))
  }

  #receive(message: string | Uint8Array | ArrayBuffer): void {
    if (this.#isEnded) return
    if (typeof message === 'string') {
      this.#endLater(new InferenceError('malformed', 'text over a direct path'))
      return
    }
    const bytes = new Uint8Array(message)
    this.#delivered += bytes.byteLength
    this.#unheardBytes = 0
    if (this.#connection.bytesReceived() - this.#delivered > DIRECT_PATH.maxUnreadBytes) {
      this.#endLater(lost('more came than was read'))
      return
    }
    if (this.#events === undefined) this.#early.push(bytes)
    else this.#events.onBytes(bytes)
  }

  #mustRun(): void {
    if (this.#isEnded || this.#isClosing) throw lost('it ended')
  }
}

function lost(why: string): InferenceError {
  return new InferenceError('path_lost', `the direct path was lost: ${why}`)
}
