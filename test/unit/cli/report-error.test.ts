import { describe, expect, it } from 'vitest'
import { noPeersAdvice, reportError, type TypedOptions } from '../../../cli/report-error.ts'
import { createTerminal } from '../../../cli/terminal.ts'
import { UsageError } from '../../../cli/usage-error.ts'
import { type AttemptRecord, InferenceError } from '../../../protocol/index.ts'

function report(json: boolean, error: unknown, typed: TypedOptions = {}) {
  const out: string[] = []
  const err: string[] = []
  const terminal = createTerminal({
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    stdinIsTty: false,
    json,
  })
  reportError(terminal, error, 'skein', typed)
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

  it('does not suggest a bootstrap peer, or an invite, to a person who named one', () => {
    const named = noPeersAdvice('skein', [], { bootstrap: ['/ip4/192.0.2.1/tcp/1'] })
    expect(named).toMatch(/`skein node` and this --bootstrap.*`skein doctor`/)
    expect(noPeersAdvice('skein', [], { invite: 'skein1…' })).toContain('this --invite')
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

  it('suggests after a quorum only what is not set yet and would help', () => {
    const quorum = (outcomes: readonly ('answered' | 'stalled')[], typed: TypedOptions): string => {
      const attempts = outcomes.map((outcome, at) => ({
        ...{ peerId: `p${at}`, reason: 'quorum', outcome, fault: 'none' },
        ...{ startedMs: 0, durationMs: 1, promptTokens: 0, completionTokens: 0 },
      })) as unknown as readonly AttemptRecord[]
      const error = new InferenceError('quorum_not_reached', 'no', { details: { attempts } })
      return report(false, error, { policy: 'quorum:2-of-3', ...typed }).err
    }
    const pinned = `m@sha256:${'a'.repeat(64)}`
    const single = quorum(['answered'], {})
    expect(single).toMatch(/too few peers answered.*--policy single/is)
    expect(single).not.toMatch(/temperature|sha256/)
    expect(quorum(['answered', 'stalled'], { temperature: 0 })).toMatch(/too few peers answered/i)
    expect(quorum(['answered', 'answered'], {})).toMatch(/--temperature 0/)
    expect(quorum(['answered', 'answered'], { temperature: 0, model: 'm' })).toMatch(/sha256/)
    const set = quorum(['answered', 'answered'], { temperature: 0, model: pinned })
    expect(set).not.toMatch(/temperature|--model/)
    expect(set).toMatch(/--policy single/)
  })

  it('calls a wrong command line and a bug of ours by different names', () => {
    expect(JSON.parse(report(true, new UsageError('no prompt')).out)).toMatchObject({
      code: 'usage',
    })
    expect(JSON.parse(report(true, new TypeError('x')).out)).toMatchObject({ code: 'internal' })
  })

  it('keeps what a typed error says of a file that cannot be read', () => {
    const error = new UsageError('cannot read /root/skein.yaml: permission denied')
    expect(report(false, error).err).toBe(
      'skein: cannot read /root/skein.yaml: permission denied\n',
    )
  })
})
