import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ATTACKS } from '../../../bench/attack/attacks.ts'
import { DEFENCES } from '../../../bench/attack/defences.ts'

it('each control of an attack finds the defence that it takes away', () => {
  for (const [attack, edits] of Object.entries(DEFENCES)) {
    expect(Object.keys(ATTACKS)).toContain(attack)
    for (const { file, code } of edits) {
      expect(readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')).toContain(code)
    }
  }
})
