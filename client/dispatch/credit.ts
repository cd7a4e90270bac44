import type { SignalRace } from '../../timing/index.ts'

/** Flow control: each grant allows a writer one more step. */
export class Credit {
  #waiting: (() => void) | undefined
  #granted = 0

  grant(): void {
    this.#granted += 1
    this.#waiting?.()
  }

  /** @throws the reason of the race's signal */
  async take(race: SignalRace): Promise<void> {
    while (this.#granted === 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting = resolve
      await race.wait(promise)
      this.#waiting = undefined
    }
    this.#granted -= 1
  }
}
