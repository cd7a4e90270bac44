import { describe, expect, it } from 'vitest'
import { lockfileFaults } from '../../../checks/lockfile.ts'

const root = { '': {} }
const hashed = { integrity: 'sha512-AAAA' }

describe('lockfileFaults', () => {
  it('accepts hashed entries, links and listed exceptions', () => {
    const packages = { ...root, a: hashed, b: { link: true }, c: {} }
    expect(lockfileFaults({ packages }, { c: 'not published' })).toEqual([])
  })

  it('names an entry without a hash and says how to complete it', () => {
    const [fault, ...others] = lockfileFaults({ packages: { ...root, a: {} } }, {})
    expect(others).toEqual([])
    expect(fault).toMatch(/^a: no integrity hash; .*npm install --package-lock-only/)
  })

  it('rejects a weak hash and an address of a registry', () => {
    const packages = {
      ...root,
      weak: { integrity: 'sha1-AAAA' },
      bound: { ...hashed, resolved: 'https://registry.example/a.tgz' },
    }
    expect(lockfileFaults({ packages }, {})).toEqual([
      expect.stringMatching(/^weak: integrity is not sha512/),
      expect.stringMatching(/^bound: names a registry/),
    ])
  })

  it('rejects an exception that is no longer needed', () => {
    expect(lockfileFaults({ packages: { ...root, a: hashed } }, { a: '', gone: '' })).toEqual([
      'a: has a hash; delete its exception',
      'gone: listed as unhashed, but not in the lock file',
    ])
  })
})
