import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The part of `node-datachannel` that direct paths use. */
export interface Rtc {
  readonly PeerConnection: new (name: string, config: RtcConfig) => RtcPeerConnection
}

interface RtcConfig {
  readonly iceServers: readonly string[]
  readonly disableAutoNegotiation: boolean
  readonly maxMessageSize: number
}

export interface RtcPeerConnection {
  close(): void
  setLocalDescription(type: 'offer' | 'answer'): void
  setRemoteDescription(sdp: string, type: 'offer' | 'answer'): void
  addRemoteCandidate(candidate: string, mid: string): void
  localDescription(): { readonly sdp: string } | null
  createDataChannel(
    label: string,
    config: { readonly negotiated: boolean; readonly id: number },
  ): RtcDataChannel
  onStateChange(listener: (state: string) => void): void
  onGatheringStateChange(listener: (state: string) => void): void
  onDataChannel(listener: (channel: Pick<RtcDataChannel, 'close' | 'onClosed'>) => void): void
  bytesReceived(): number
  getSelectedCandidatePair(): {
    readonly remote: { readonly address: string; readonly port: number }
  } | null
}

export interface RtcDataChannel {
  close(): void
  sendMessageBinary(bytes: Uint8Array): boolean
  bufferedAmount(): number
  setBufferedAmountLowThreshold(bytes: number): void
  onOpen(listener: () => void): void
  onClosed(listener: () => void): void
  onError(listener: (message: string) => void): void
  onBufferedAmountLow(listener: () => void): void
  onMessage(listener: (message: string | Uint8Array | ArrayBuffer) => void): void
}

let loading: Promise<Rtc | undefined> | undefined

/** Whether the native package is there. It is loaded when the first path is attempted: most processes need none. */
export function isRtcInstalled(): boolean {
  try {
    return existsSync(fileURLToPath(import.meta.resolve('node-datachannel')))
  } catch {
    return false
  }
}

/** Loads the native package; `undefined` where it is not installed, or has no build for this machine. Never rejects. */
export function loadRtc(): Promise<Rtc | undefined> {
  loading ??= import('node-datachannel').then(
    // The package's own types are wider.
    (loaded) => loaded as unknown as Rtc,
    () => undefined,
  )
  return loading
}
