import { VirtualClock } from '../../testing/index.ts'

/** The virtual clock with functions that cancel. */
export class VirtualTime {
  readonly clock: VirtualClock = new VirtualClock()
  readonly now = (): number => this.clock.now()

  /** @returns cancels it */
  at(atMs: number, run: () => void): () => void {
    const timer = this.clock.at(atMs, run)
    return () => timer[Symbol.dispose]()
  }

  after(ms: number, run: () => void): () => void {
    return this.at(this.now() + ms, run)
  }

  /** Again and again, until what it returns is called. */
  readonly every = (ms: number, run: () => void): (() => void) => {
    let stop = (): void => {}
    const beat = (): void => {
      run()
      stop = this.after(ms, beat)
    }
    stop = this.after(ms, beat)
    return () => stop()
  }

  async run(untilMs?: number): Promise<void> {
    await this.clock.run(untilMs)
  }
}
