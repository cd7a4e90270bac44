import { expect, it } from 'vitest'
import { createStop } from '../../../host/stop.ts'

/** Something with a state of its own, as a port mapping is. */
class Keeper {
  readonly #closed: string[]
  readonly #name: string

  constructor(name: string, closed: string[]) {
    this.#name = name
    this.#closed = closed
  }

  async close(): Promise<void> {
    this.#closed.push(this.#name)
  }
}

it('closes all that a host keeps, in order and once, whatever one of them throws', async () => {
  const closed: string[] = []
  const errors: string[] = []
  const stopping = new AbortController()
  const failing = { close: () => Promise.reject(new Error('disk full')) }
  const stop = createStop({
    libp2p: { stop: async () => void closed.push('libp2p'), getConnections: () => [] },
    keepers: [new Keeper('one', closed), failing, new Keeper('two', closed)],
    persistence: new Keeper('datastore', closed) as never,
    stopping,
    onError: (what, error) => errors.push(`${what}: ${String(error)}`),
  })
  await Promise.all([stop(), stop()])
  expect(closed).toEqual(['one', 'two', 'libp2p', 'datastore'])
  expect(errors).toEqual(['keeping what is known: Error: disk full'])
  expect(stopping.signal.aborted).toBe(true)
})
