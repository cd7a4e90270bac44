// Resolves `skein` and `skein/…` to the sources of this clone, so that the examples run here unchanged:
//
//   node --import ./examples/skein-from-source.ts examples/ask.ts
import { registerHooks } from 'node:module'

const DOOR = /^skein(\/\w+)?$/
/** Its door for users is not the one for the rooms of this package. */
const PROTOCOL = '/protocol'

registerHooks({
  resolve(specifier, context, nextResolve) {
    const door = DOOR.exec(specifier)
    if (door === null) return nextResolve(specifier, context)
    const file = door[1] === PROTOCOL ? 'public.ts' : 'index.ts'
    const source = new URL(`..${door[1] ?? ''}/${file}`, import.meta.url)
    return nextResolve(source.href, context)
  },
})
