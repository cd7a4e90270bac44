/** How often the heart beats. */
export const HEARTBEAT_MS = 1_000
/** Beyond what a busy machine or a correction of the clock explains: the machine slept, or the process was stopped. */
const JUMP_MS = 5_000
/** Connections died meanwhile, and that is nobody's fault. */
const HOLD_MS = 60_000

/**
 * Notices that this machine slept or this process was stopped: the wall clock runs ahead of the monotonic one, or a
 * heartbeat comes late, as the monotonic clock of some platforms goes on in sleep. For a while nobody is blamed.
 */
export class ClockWatch {
  #offsetMs: number
  #beatMs: number
  #holdUntilMs = Number.NEGATIVE_INFINITY

  constructor(nowMs: number, wallMs: number) {
    this.#offsetMs = wallMs - nowMs
    this.#beatMs = nowMs
  }

  /** @returns whether verdicts are held now */
  look(nowMs: number, wallMs: number): boolean {
    const offsetMs = wallMs - nowMs
    if (Math.abs(offsetMs - this.#offsetMs) > JUMP_MS) this.#holdUntilMs = nowMs + HOLD_MS
    this.#offsetMs = offsetMs
    if (nowMs - this.#beatMs > HEARTBEAT_MS + JUMP_MS) this.#holdUntilMs = nowMs + HOLD_MS
    return nowMs < this.#holdUntilMs
  }

  /** To be called every {@link HEARTBEAT_MS}. */
  beat(nowMs: number, wallMs: number): void {
    this.look(nowMs, wallMs)
    this.#beatMs = nowMs
  }
}
