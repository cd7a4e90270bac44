/**
 * Loads a target without one of its defences: `SKEIN_ATTACK_EDITS` names the edits to its sources. Imported before the
 * target, by {@link startTarget}.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Edit } from './defences.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const edits = JSON.parse(process.env['SKEIN_ATTACK_EDITS'] ?? '[]') as readonly Edit[]

registerHooks({
  load(url, context, nextLoad) {
    const path = url.startsWith('file:') ? fileURLToPath(url) : ''
    const here = edits.filter(({ file }) => path === root + file)
    if (here.length === 0) return nextLoad(url, context)
    let source = readFileSync(path, 'utf8')
    for (const { file, code, instead } of here) {
      // A control that no longer finds its defence would pass as one that makes no difference.
      if (!source.includes(code)) throw new Error(`${file} does not contain: ${code}`)
      source = source.replace(code, instead)
    }
    return { format: 'module-typescript', source, shortCircuit: true }
  },
})
