import { describe, expect, it } from 'vitest'
import { noPeersAdvice, reportError } from '../../../cli/report-error.ts'
import { createTerminal } from '../../../cli/terminal.ts'
import { UsageError } from '../../../cli/usage-error.ts'
import { InferenceError } from '../../../protocol/index.ts'

function report(json: boolean, error: unknown) {
  const out: string[] = []
  const err: string[] = []
  const terminal = createTerminal({
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    stdinIsTty: false,
    json,
  })
  reportError(terminal, error, 'skein')
  return { out: out.join(''), err: err.join('') }
}

describe('reportError', () => {
  it('gives a script only the code, the message and the details', () => {
    const error = new InferenceError('context_too_long', 'too long', {
      details: { promptTokens: 900, contextLength: 768 },
    })
    const { out, err } = report(true, error)
    expect(JSON.parse(out)).toEqual({
      event: 'error',
      code: 'context_too_long',
      message: 'too long',
      promptTokens: 900,
      contextLength: 768,
    })
    expect(err).toBe('')
  })

  it('tells a person what to do next, on stderr', () => {
    const { out, err } = report(false, new InferenceError('no_peers', 'no peers'))
    expect(out).toBe('')
    expect(err).toMatch(/^skein: no peers\n.*`skein node`/)
  })

  it('says how to join, and that there is no public swarm only if no bootstrap peer is compiled in', () => {
    expect(noPeersAdvice('skein', [])).toMatch(/no public swarm yet.*`skein node`.*--bootstrap/)
    expect(noPeersAdvice('skein', ['/dnsaddr/a.example'])).toMatch(
      /^Check the connection.*--bootstrap/,
    )
  })

  it('does not let a peer write into the terminal through an error', () => {
    const { err } = report(
      false,
      new InferenceError('engine_failed', '\u001b[2Jgone\nskein: all fine'),
    )
    expect(err).toMatch(/^skein: gone skein: all fine\n/)
    expect(err).not.toContain('\u001b')
  })

  it('gives no advice about peers for a failure on this machine', () => {
    const own = new InferenceError('engine_failed', 'no engine at http://127.0.0.1:1')
    expect(report(false, own).err).toBe('skein: no engine at http://127.0.0.1:1\n')
    const peers = new InferenceError('engine_failed', 'died', { details: { attempts: [] } })
    expect(report(false, peers).err).toContain('skein peers')
  })

  it('calls a wrong command line and a bug of ours by different names', () => {
    expect(JSON.parse(report(true, new UsageError('no prompt')).out)).toMatchObject({
      code: 'usage',
    })
    expect(JSON.parse(report(true, new TypeError('x')).out)).toMatchObject({ code: 'internal' })
  })
})
