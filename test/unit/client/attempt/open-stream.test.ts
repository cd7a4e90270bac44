import { peerIdFromString } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import { openStream } from '../../../../client/attempt/open-stream.ts'

const PEER = peerIdFromString('12D3KooWL1khQquees1d8CRWHncYaZmNz7rcdwa7griQJexqFBQg')
const opened = (error: Error) =>
  openStream(() => Promise.reject(error), PEER, '/x/1', {
    signal: new AbortController().signal,
    dialTimeoutMs: 1_000,
  })

describe('a stream that cannot be opened', () => {
  it.each([
    'IO error: /home/anna/datastore/000003.log: No space left on device',
    'IO error: /home/anna/datastore/000003.log: File too large',
  ])('because of this machine (%s) is no fault of the peer, and tells no path', async (why) => {
    const error = await opened(new Error('put failed', { cause: new Error(why) })).catch((e) => e)
    expect(error).toMatchObject({ code: 'internal', traits: { blame: 'none' } })
    expect(error.message).not.toContain('/home')
  })

  it('for another reason is the failure of a dial', async () => {
    await expect(opened(new Error('connection refused'))).rejects.toMatchObject({
      code: 'dial_failed',
    })
  })
})
