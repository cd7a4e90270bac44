import { describe, expect, it } from 'vitest'
import { signatureFindings } from '../../../checks/signatures.ts'

const findings = (report: object) => signatureFindings(JSON.stringify(report))

describe('signatureFindings', () => {
  it('names packages whose signature is invalid or missing', () => {
    const [invalid, missing, ...others] = findings({
      invalid: [{ name: 'a', version: '1.0.0' }],
      missing: [{ name: 'b', version: '2.0.0' }],
    }).faults
    expect(invalid).toMatch(/^a@1\.0\.0: the signature is invalid; /)
    expect(missing).toMatch(/^b@2\.0\.0: no signature/)
    expect(others).toEqual([])
  })

  it('says why it was skipped where the keys are out of reach', () => {
    expect(findings({ error: { code: 'ENOTFOUND', summary: 'request failed' } })).toEqual({
      faults: [],
      summary: 'skipped: request failed',
    })
  })

  it('accepts a report without either', () => {
    expect(findings({ invalid: [], missing: [] }).faults).toEqual([])
  })
})
