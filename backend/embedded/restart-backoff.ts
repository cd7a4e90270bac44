import { backoffMs } from '../../timing/index.ts'

const BACKOFF = { minMs: 200, maxMs: 30_000 }
/** Uptime after which a crash counts as the first again. */
const SETTLED_MS = 60_000

/** Pause before the engine process is restarted, by consecutive crashes. */
export class RestartBackoff {
  #deaths = 0

  /** @param livedMs How long the process had been ready, 0 if it never was. */
  next(livedMs: number): number {
    if (livedMs >= SETTLED_MS) this.#deaths = 0
    this.#deaths += 1
    return backoffMs(this.#deaths - 1, BACKOFF)
  }
}
