import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LiveKeys, watchKeys } from '../../../cli/gateway-keys.ts'
import { keyDesk, keyViews } from '../../../cli/key-desk.ts'
import { act } from '../../../console/actions.ts'

describe('the doors that change keys', () => {
  let directory: string
  let keys: LiveKeys

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'key-actions-'))
    keys = await watchKeys(join(directory, 'gateway-keys.json'), () => {})
  })
  afterEach(async () => {
    keys[Symbol.dispose]()
    await rm(directory, { recursive: true })
  })

  const on = async (body: object) =>
    await act(body, {
      client: {} as never,
      diagnose: async () => [],
      keyActions: keyDesk(keys),
    })

  it('show a secret once, and hold when they answer', async () => {
    const { status, answer } = await on({ action: 'create-key', name: ' ada ' })
    expect([status, Object.values(answer)[0]]).toEqual([200, expect.stringMatching(/^sk-skein-/)])
    expect(keyViews(keys)).toEqual([{ name: 'ada', opensConsole: true }])
  })

  it('keep rights that a change does not name, and the beginning of a budget', async () => {
    await on({ action: 'create-key', name: 'ada' })
    const budget = { tokens: 100, per: 'day' }
    await on({ action: 'create-key', name: 'bo', rights: { budget, tokensPerDay: 7 } })
    const begun = keys.current()[1]?.budget?.sinceMs
    await on({
      action: 'change-key',
      name: 'bo',
      rights: { budget: { tokens: 900, per: 'month' }, models: ['m'], tokensPerDay: null },
    })
    expect(keyViews(keys)[1]).toEqual({
      ...{ name: 'bo', models: ['m'], opensConsole: false },
      budget: { tokens: 900, per: 'month', sinceMs: begun },
    })
  })

  it('leave one key with which the console opens', async () => {
    const limited = { action: 'create-key', name: 'bo', rights: { requestsPerMinute: 1 } }
    expect((await on(limited)).answer).toMatchObject({
      code: 'invalid_request',
      error: expect.stringContaining('one key without restrictions must remain'),
    })
    await on({ action: 'create-key', name: 'ada' })
    await on(limited)
    for (const last of [
      { action: 'remove-key', name: 'ada' },
      { action: 'change-key', name: 'ada', rights: { models: ['m'] } },
    ]) {
      expect((await on(last)).status).toBe(400)
    }
    expect(keyViews(keys).map(({ name }) => name)).toEqual(['ada', 'bo'])
  })

  it.each([
    [{ action: 'create-key', name: '  ' }, 'a key needs a name'],
    [{ action: 'create-key', name: 'a\u0007' }, 'no control characters'],
    [{ action: 'create-key', name: 'ada' }, 'already exists'],
    [{ action: 'create-key', name: 'c', rights: { requestsPerMinute: 0 } }, 'requestsPerMinute'],
    [{ action: 'create-key', name: 'c', rights: { admin: true } }, 'admin'],
    [{ action: 'change-key', name: 'unknown', rights: {} }, 'no key is named unknown'],
    [{ action: 'remove-key', name: 'unknown' }, 'no key is named unknown'],
  ])('refuse %j', async (body, why) => {
    await on({ action: 'create-key', name: 'ada' })
    const { status, answer } = await on(body)
    expect(status).toBe(400)
    expect(JSON.stringify(answer)).toContain(why)
    expect(keys.current()).toHaveLength(1)
  })

  it('are not there without a gateway', async () => {
    const { status } = await act(
      { action: 'create-key', name: 'ada' },
      { client: {} as never, diagnose: async () => [] },
    )
    expect(status).toBe(400)
  })
})
