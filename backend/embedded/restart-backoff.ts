import { backoffMs } from '../../timing/index.ts'

const BACKOFF = { minMs: 200, maxMs: 30_000 }
/** After this long a time of work, a death counts as the first again. */
const SETTLED_MS = 60_000

/** How long to wait before the engine process is started again, over deaths in a row. */
export class RestartBackoff {
  #deaths = 0

  /** @param livedMs How long the process had been ready, 0 if it never was. */
  next(livedMs: number): number {
    if (livedMs >= SETTLED_MS) this.#deaths = 0
    this.#deaths += 1
    return backoffMs(this.#deaths - 1, BACKOFF)
  }
}
