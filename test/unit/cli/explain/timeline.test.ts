import { describe, expect, it } from 'vitest'
import { explain, timeline } from '../../../../cli/explain/index.ts'
import { createTerminal } from '../../../../cli/terminal.ts'
import type { RequestEvent } from '../../../../client/index.ts'
import { type AttemptRecord, ERROR_TABLE, type ErrorCode } from '../../../../protocol/index.ts'

const FREE = { attempts: 0, promptTokens: 0, completionTokens: 0, estimated: false }

function attempt(peer: string, over: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    peerId: `12D3KooW${peer.repeat(44)}`,
    reason: 'first',
    startedMs: 0,
    outcome: 'answered',
    ttftMs: 80,
    durationMs: 1_000,
    tokens: 40,
    deliveredTokens: 40,
    ...over,
  }
}

function event(over: Partial<RequestEvent> = {}): RequestEvent {
  return {
    requestId: 'r',
    startedAt: 0,
    kind: 'chat',
    model: 'skein-tiny',
    policy: 'hedge',
    resume: 'same-model',
    estimatedPromptTokens: 12,
    outcome: 'answered',
    ttftMs: 80.4,
    durationMs: 1_000,
    attempts: [attempt('a')],
    resumes: 0,
    exact: true,
    usage: { promptTokens: 12, completionTokens: 40, cachedPromptTokens: 8 },
    cost: FREE,
    ...over,
  }
}

describe('timeline', () => {
  it('shows where the time of a plain answer went', () => {
    expect(timeline(event())).toEqual([
      'chat, skein-tiny: answered',
      'START  WHY    PEER     0 to 1000 ms                     TTFT  TOKENS  OUTCOME',
      ' 0 ms  first  …aaaaaa  --############################  80 ms      40  answered',
      'policy     hedge, resume same-model',
      'time       1000 ms, first piece after 80 ms',
      'resumes    0, exact',
      'usage      12 prompt tokens (8 reused), 40 completion tokens',
      'extra      nothing',
    ])
  })

  it('puts attempts in the order of their start, whichever ended first', () => {
    const overtaken = attempt('a', { outcome: 'superseded', tokens: 0, deliveredTokens: 0 })
    const { ttftMs: _, ...silent } = { ...overtaken, durationMs: 400 }
    const hedge = attempt('b', { reason: 'hedge', startedMs: 300, durationMs: 700 })
    const cost = { attempts: 1, promptTokens: 12, completionTokens: 0, estimated: true }
    const lines = timeline(event({ attempts: [hedge, silent], cost }))
    expect(lines[2]).toMatch(/^ +0 ms {2}first {2}…aaaaaa {2}-+ +overtaken$/)
    expect(lines[3]).toMatch(/^300 ms {2}hedge {2}…bbbbbb {2} +-+#+ +80 ms +40 {2}answered$/)
    expect(lines).toContain('extra      1 attempt, ≈ 12 prompt and ≈ 0 completion tokens')
  })

  it('shows an answer resumed three times, and the tokens lost', () => {
    const lost = { outcome: 'stream_reset', tokens: 13, deliveredTokens: 10 } as const
    const resumed = { reason: 'resume', exact: true } as const
    const attempts = [
      attempt('a', { ...lost, message: 'reset by peer', durationMs: 250 }),
      attempt('b', { ...lost, ...resumed, startedMs: 260, durationMs: 240 }),
      attempt('c', { ...lost, ...resumed, startedMs: 510, outcome: 'stalled', durationMs: 240 }),
      attempt('d', { reason: 'stall', exact: false, startedMs: 760, durationMs: 240, tokens: 10 }),
    ]
    const lines = timeline(event({ attempts, resumes: 3, exact: false }))
    expect(lines[2]).toMatch(/ 0 ms {2}first +…aaaaaa .* 10\/13 {2}connection lost$/)
    expect(lines[3]).toBe('          reset by peer')
    expect(lines[4]).toMatch(/260 ms {2}resume {2}exact {2}…bbbbbb .* 10\/13 {2}connection lost$/)
    expect(lines[5]).toMatch(/510 ms {2}resume {2}exact {2}…cccccc .* 10\/13 {2}fell silent$/)
    expect(lines[6]).toMatch(/760 ms {2}stall {3}text {3}…dddddd .* 40\/10 {2}answered$/)
    expect(lines).toContainEqual(expect.stringMatching(/^resumes {4}3, not exact/))
  })

  it('puts the attempts at each model of a chain under its name', () => {
    const { ttftMs: _, ...failed } = attempt('a', { tokens: 0, deliveredTokens: 0 })
    const attempts = [
      { ...failed, peerId: 'provider:cloud', model: 'cloud/big', outcome: 'stalled' as const },
      attempt('b', { model: 'm', reason: 'fallback', startedMs: 100 }),
      { ...failed, model: 'm', reason: 'hedge' as const, startedMs: 200 },
    ]
    const lines = timeline(event({ model: 'cloud/big,m', answeredBy: 'm', attempts }))
    expect(lines[0]).toBe('chat, cloud/big,m: answered')
    expect(lines[2]).toBe('cloud/big:')
    expect(lines[3]).toMatch(/first +cloud .* fell silent$/)
    expect(lines[4]).toBe('m:')
    expect(lines[5]).toMatch(/next +…bbbbbb .* answered$/)
    expect(lines[6]).toMatch(/hedge +…aaaaaa/)
    expect(lines).toContain('model      m')
  })

  it('shows why a request failed, and no usage line without reported usage', () => {
    const { usage: _, ttftMs: __, ...failed } = event()
    const lines = timeline({
      ...failed,
      outcome: 'no_peers',
      message: 'no peer serves m',
      attempts: [],
    })
    expect(lines).toEqual([
      'chat, skein-tiny: no peers (no_peers)',
      '  no peer serves m',
      'No peer was asked.',
      'policy     hedge, resume same-model',
      'time       1000 ms, no output',
      'resumes    0, exact',
      'extra      nothing',
    ])
  })

  it('shows how many answers of a quorum agree', () => {
    const attempts = ['a', 'b', 'c'].map((peer) => attempt(peer, { reason: 'quorum' }))
    const agreement = { answers: 3, agreeing: 2, tolerated: false }
    const told = event({ policy: 'quorum:2-of-3', attempts, agreement })
    expect(timeline(told)).toContain('agreement  2 of 3 answers')
    const near = { ...told, agreement: { ...agreement, tolerated: true } }
    expect(timeline(near).at(-1)).toContain('nearly tied')
  })

  it('counts items of embeddings', () => {
    const lines = timeline(event({ kind: 'embedding' }))
    expect(lines[1]).toContain('ITEMS')
    expect(lines).toContain('usage      12 prompt tokens (8 reused)')
  })

  it('shows an answer from memory', () => {
    expect(timeline(event({ outcome: 'engine_failed', remembered: true }))[0]).toBe(
      'chat, skein-tiny: engine failed (engine_failed), from memory',
    )
  })

  it('does not let a peer, or the caller’s own words, steer the terminal', () => {
    const hostile = '\u001b[2Jx\nskein: all fine\u202e'
    const lines = timeline(
      event({
        model: hostile,
        outcome: 'engine_failed',
        message: hostile,
        attempts: [attempt('a', { outcome: 'engine_failed', message: hostile })],
      }),
    )
    expect(lines[0]).toContain('x skein: all fine:')
    expect(lines[1]).toBe('  x skein: all fine')
    expect(lines[4]).toBe('          x skein: all fine')
    for (const steering of ['\u001b', '\n', '\u202e']) {
      expect(lines.join('')).not.toContain(steering)
    }
  })

  it('stays within 80 characters, whatever happened and however long it took', () => {
    const codes = ['answered', 'superseded', ...(Object.keys(ERROR_TABLE) as ErrorCode[])] as const
    const attempts = codes.map((outcome, index) =>
      attempt('x', {
        reason: 'resume',
        exact: index % 2 === 0,
        outcome,
        startedMs: index * 100_000,
        durationMs: index === 0 ? 0 : 100_000,
        ttftMs: 99_999,
        tokens: 9_999,
        deliveredTokens: 9_998,
        message: 'long '.repeat(100),
      }),
    )
    const told = event({ attempts, durationMs: codes.length * 100_000, message: 'y'.repeat(500) })
    for (const line of timeline(told)) expect(line.length, line).toBeLessThanOrEqual(80)
  })

  it('labels and colours peers by its options', () => {
    const lines = timeline(event(), {
      name: () => 'node A',
      paint: (line, peerId) => `<${peerId.slice(-1)}>${line}`,
    })
    expect(lines[2]).toMatch(/^<a> 0 ms {2}first {2}node A {2}/)
  })
})

describe('explain', () => {
  function told(json: boolean) {
    const out: string[] = []
    const err: string[] = []
    const terminal = createTerminal({
      stdout: { write: (text) => out.push(text) },
      stderr: { write: (text) => err.push(text) },
      stdinIsTty: false,
      json,
    })
    explain(terminal, event())
    return { out: out.join(''), err: err.join('') }
  }

  it('leaves stdout to the answer', () => {
    expect(told(false).out).toBe('')
    expect(told(false).err).toContain('chat, skein-tiny: answered\n')
  })

  it('gives a script the whole record as one event', () => {
    const { out, err } = told(true)
    expect(JSON.parse(out)).toEqual({ ...event(), event: 'explain' })
    expect(err).toBe('')
  })
})
