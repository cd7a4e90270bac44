import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { applied, openScreen, viewLines } from '../../../../cli/top/index.ts'
import type { ConsoleState } from '../../../../console/index.ts'

const STANDING = { state: 'newcomer', audits: 0, words: [] } as const
const request = (requestId: string, startedAt: number): ConsoleState['requests'][number] =>
  ({
    ...{ requestId, startedAt, model: 'm\u001b[31m', status: 'ended', outcome: 'engine_failed' },
    ...{ attempts: [{}, {}], durationMs: 1_234, ttftMs: 12 },
  }) as unknown as ConsoleState['requests'][number]

const STATE = {
  self: { peerId: '12D3KooWabcdef', swarm: 'public' },
  models: [{ id: 'm', peers: ['a', 'b'], spare: { peers: 1, networks: 0 } }],
  peers: [
    {
      ...{ peerId: '12D3KooWuvwxyz', models: ['m'], path: 'direct', rttMs: 3.4, slots: 4 },
      ...{ load: { inFlight: 2, queueDepth: 1 }, standing: STANDING },
    },
  ],
  requests: [request('1', 1)],
  log: [],
  join: { addresses: [] },
  batches: [],
} as unknown as ConsoleState

describe('skein top', () => {
  it('shows models, peers and requests, without control characters', () => {
    const text = viewLines(STATE).join('\n')
    expect(text).toContain('Skein …abcdef · public swarm · 1 peers serve 1 models')
    expect(text).toMatch(/^m +2 +1 +1$/m)
    expect(text).toMatch(/^…uvwxyz +direct +3 ms +2 of 4, 1 wait +newcomer +m$/m)
    expect(text).toMatch(/m +engine failed +2 +12 ms +1234 ms$/m)
    expect(text).not.toContain('\u001b')
  })

  it('follows changes: a request keeps its place, a new one comes first', () => {
    const changes = { type: 'changes', sections: { models: [] }, log: [] } as const
    const next = applied(STATE, { ...changes, requests: [request('2', 2), request('1', 1)] })
    expect(next?.models).toEqual([])
    expect(next?.requests.map(({ requestId }) => requestId)).toEqual(['2', '1'])
    expect(applied(undefined, { ...changes, requests: [] })).toBeUndefined()
  })

  it.each(['q', '\u0003'])('ends with the key %j, and gives the terminal back', (key) => {
    const modes: boolean[] = []
    const stdin = Object.assign(new PassThrough(), {
      setRawMode(mode: boolean) {
        modes.push(mode)
        return this
      },
    }) as unknown as NodeJS.ReadStream
    let written = ''
    const stdout = Object.assign(new PassThrough(), { columns: 10, rows: 3 })
    stdout.setEncoding('utf8').on('data', (text: string) => {
      written += text
    })
    let quits = 0
    const screen = openScreen(stdin, stdout as unknown as NodeJS.WriteStream, () => quits++)
    screen.draw(['a line that is too long', 'second', 'third'])
    stdin.emit('data', Buffer.from(key))
    screen[Symbol.dispose]()
    stdout.read()
    expect(quits).toBe(1)
    expect(modes).toEqual([true, false])
    expect(written).toContain('a line tha\u001b[K\r\nsecond')
    expect(written).not.toContain('third')
    expect(written.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true)
  })
})
