import { describe, expect, it } from 'vitest'
import {
  decodeHopAnswer,
  decodeHopRequest,
  decodeStopAnswer,
  encodeHopAnswer,
  encodeHopRequest,
  encodeStopRequest,
} from '../../../protocol/index.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

describe('messages of circuit relay v2', () => {
  it('equal those of other implementations, byte by byte', () => {
    expect(hex(encodeHopRequest({ type: 'reserve' }))).toBe('0800')
    expect(hex(encodeHopRequest({ type: 'connect', peer: bytes('0001') }))).toBe('080112040a020001')
    expect(hex(encodeHopAnswer({ status: 'no_reservation' }))).toBe('080228cc01')
    expect(hex(encodeStopRequest(bytes('0001')))).toBe('080012040a020001')
    expect(decodeStopAnswer(bytes('08012064'))).toBe('ok')
  })

  it('survive a round trip', () => {
    const connect = { type: 'connect', peer: bytes('0001') } as const
    expect(decodeHopRequest(encodeHopRequest({ type: 'reserve' }))).toEqual({ type: 'reserve' })
    expect(decodeHopRequest(encodeHopRequest(connect))).toEqual(connect)
    const answer = {
      status: 'ok',
      reservation: { expiresAtMs: 1_700_000_000_000, addresses: [bytes('04')] },
    } as const
    expect(decodeHopAnswer(encodeHopAnswer(answer))).toEqual(answer)
  })

  it('are refused if they are invalid', () => {
    expect(() => decodeHopRequest(bytes('0801'))).toThrow('neither RESERVE nor CONNECT')
    expect(() => decodeHopRequest(bytes('0802'))).toThrow('neither RESERVE nor CONNECT')
    expect(() => decodeHopRequest(bytes('ff'))).toThrow('malformed')
    expect(() => decodeHopAnswer(bytes('0800'))).toThrow('not a STATUS')
    expect(() => decodeStopAnswer(bytes('ff'))).toThrow('malformed')
  })

  it('treat an unknown status as a refusal', () => {
    expect(decodeHopAnswer(bytes('080228e707')).status).toBe('permission_denied')
  })
})
