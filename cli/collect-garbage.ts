import v8 from 'node:v8'
import vm from 'node:vm'

/** Collects all garbage of this process and returns free pages to the system. Blocks for a tenth of a second or two. */
export function collectGarbage(): void {
  v8.setFlagsFromString('--expose-gc')
  const gc = vm.runInNewContext('gc') as (options: object) => void
  v8.setFlagsFromString('--no-expose-gc')
  // The only flavour that also shrinks the space for young objects.
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
