import { plainLine } from '../../protocol/index.ts'
import { diskFaultOf } from '../../storage/index.ts'
import type { Batches } from './batches.ts'

/** Batches that are opened at once, and again at each use while that fails. */
export class OpenedBatches {
  readonly #open: () => Promise<Batches>
  readonly #log: (message: string) => void
  #opened: Promise<Batches>
  #failed: boolean = false
  #current: Batches | undefined

  /** @param log receives why they cannot be opened, once for each failure */
  constructor(open: () => Promise<Batches>, log: (message: string) => void) {
    this.#open = open
    this.#log = log
    this.#opened = this.#try()
  }

  /** @throws what opening them throws, disk errors above all */
  async get(): Promise<Batches> {
    if (this.#failed) this.#opened = this.#try()
    return await this.#opened
  }

  /** Those that are open now. */
  get current(): Batches | undefined {
    return this.#current
  }

  async close(): Promise<void> {
    const batches = await this.#opened.catch(() => undefined)
    await batches?.close()
  }

  #try(): Promise<Batches> {
    this.#failed = false
    const opened = this.#open()
    opened.then(
      (batches) => {
        this.#current = batches
      },
      () => undefined,
    )
    opened.catch((error: unknown) => {
      this.#failed = true
      const reason = diskFaultOf(error)?.reason ?? String(error)
      this.#log(`cannot open files and batches: ${plainLine(reason)}`)
    })
    return opened
  }
}
