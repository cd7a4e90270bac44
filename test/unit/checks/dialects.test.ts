import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkDialects, withTables } from '../../../checks/dialects.ts'

describe('docs/dialects.md', () => {
  it('has the engines and fields that the code declares', () => {
    expect(checkDialects(false).faults).toEqual([])
  })

  it('that says something else is found out', () => {
    const document = readFileSync('docs/dialects.md', 'utf8')
    const wrong = document.replace('| `tool_choice` | some |', '| `tool_choice` | yes |')
    expect(wrong).not.toBe(document)
    expect(withTables(wrong)).toBe(document)
  })
})
