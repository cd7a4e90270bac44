import type { SignalRace } from '../../timing/index.ts'

/** Flow control: each grant allows a writer one more step. */
export class Credit {
  #waiting: (() => void) | undefined
  #granted = 0

  grant(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#granted += 1
    else waiting()
  }

  /** @throws the reason of the race's signal */
  take(race: SignalRace): Promise<void> {
    if (this.#granted === 0) {
      return race.until((resolve) => {
        this.#waiting = resolve
      })
    }
    this.#granted -= 1
    return Promise.resolve()
  }
}
