/** Interval of the heartbeat. */
export const HEARTBEAT_MS = 1_000
/** More than a busy machine or a clock correction explains: the machine slept, or the process was stopped. */
const JUMP_MS = 5_000
/** Connections died meanwhile, and no peer is to blame for that. */
const HOLD_MS = 60_000

/**
 * Detects that this machine slept or this process was stopped: the wall clock runs ahead of the monotonic one, or a
 * heartbeat is late (on some platforms the monotonic clock runs on during sleep). For a while after that no peer is
 * blamed.
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

  /** Call it every {@link HEARTBEAT_MS}. */
  beat(nowMs: number, wallMs: number): void {
    this.look(nowMs, wallMs)
    this.#beatMs = nowMs
  }
}
