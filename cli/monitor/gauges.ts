import { Counter, Gauge, type Registry } from 'prom-client'

/** Registers metrics whose value is read when they are scraped. */
export function readWhenScraped(registry: Registry) {
  const registers = [registry]
  return {
    gauge(name: string, help: string, read: () => number): void {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read())
        },
      })
    },
    /** One gauge with a label of the caller's choice. Values that are not read any more end. */
    labelled(
      name: string,
      help: string,
      label: string,
      read: () => Iterable<readonly [value: string, number: number]>,
    ): void {
      new Gauge({
        name,
        help,
        registers,
        labelNames: [label],
        collect() {
          this.reset()
          for (const [value, number] of read()) this.set({ [label]: value }, number)
        },
      })
    },
    counter(name: string, help: string, read: () => number): void {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(read())
        },
      })
    },
    /** One gauge with a label: 1 for the value that holds, 0 for the others. */
    state(name: string, help: string, values: readonly string[], read: () => string): void {
      new Gauge({
        name,
        help,
        registers,
        labelNames: ['state'],
        collect() {
          const current = read()
          for (const state of values) this.set({ state }, state === current ? 1 : 0)
        },
      })
    },
  }
}
