import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, it } from 'vitest'
import { checkFailure } from '../../../client/attempt/answer-check.ts'
import { encodeRequest } from '../../../client/request/wire-request.ts'
import { decodeNodeFrame, encodeNodeFrame } from '../../../protocol/codec/index.ts'
import { ERROR_TABLE, type ErrorCode } from '../../../protocol/error-table.ts'
import { InferenceError } from '../../../protocol/errors.ts'
import { openAdvertisement, sealAdvertisement } from '../../../protocol/index.ts'

const NASTY = 'a\u001b[31mb\u001b]0;t\u0007c\r\n\u2028d\u009b2Ke\u061cf\u202eg\u007fh'
const PLAIN = 'abc dfgh'.replace('d', 'de')
const CODES = (Object.keys(ERROR_TABLE) as ErrorCode[]).filter((code) => ERROR_TABLE[code].fromPeer)

describe('what a peer says of itself', () => {
  it('is a plain line wherever it is read', async () => {
    const model = {
      id: NASTY,
      aliases: [NASTY],
      family: NASTY,
      parameters: 1,
      quantization: NASTY,
      contextLength: 1,
      templateHash: NASTY,
      capabilities: [],
      resume: 'none' as const,
      fields: [NASTY],
    }
    const sealed = await sealAdvertisement(
      {
        sequence: 1n,
        issuedAtMs: 1_000,
        expiresAtMs: 2_000,
        protocols: [NASTY],
        addresses: [],
        models: [model],
        slots: 1,
        prefillRate: 0,
        decodeRate: 0,
        maxTokens: 0,
        operator: NASTY,
      },
      await generateKeyPair('Ed25519'),
    )
    const read = await openAdvertisement(sealed, { nowMs: 1_500 })
    const [first] = read.models
    expect(read.operator).toBe(PLAIN)
    expect(read.protocols).toEqual([PLAIN])
    expect(first).toMatchObject({
      id: PLAIN,
      aliases: [PLAIN],
      family: PLAIN,
      quantization: PLAIN,
      templateHash: PLAIN,
      fields: [PLAIN],
    })
  })

  it.each(CODES)('of a failure %s is a plain line', (code) => {
    const error = new InferenceError(code, NASTY, { details: { param: NASTY } })
    const frame = decodeNodeFrame(encodeNodeFrame({ type: 'failed', error }))
    expect(frame).toMatchObject({ error: { code, message: PLAIN, details: { param: PLAIN } } })
  })

  it('never passes for a fault of this process', () => {
    const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }] } as const
    const request = encodeRequest({ kind: 'chat', body }, undefined)
    const told = checkFailure(new InferenceError('internal', 'oops'), request, false)
    expect(told).toMatchObject({ code: 'engine_failed', message: 'the peer failed: oops' })
  })
})
