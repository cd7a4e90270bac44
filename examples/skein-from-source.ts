// Resolves `skein` and `skein/…` to the sources of this clone, so that the examples run here unchanged:
//
//   node --import ./examples/skein-from-source.ts examples/ask.ts
import { registerHooks } from 'node:module'

const DOOR = /^skein(\/\w+)?$/

registerHooks({
  resolve(specifier, context, nextResolve) {
    const door = DOOR.exec(specifier)
    if (door === null) return nextResolve(specifier, context)
    const source = new URL(`..${door[1] ?? ''}/index.ts`, import.meta.url)
    return nextResolve(source.href, context)
  },
})
