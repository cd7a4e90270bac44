import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { readUsage, UsageCounter, UsageFile } from '../../../../cli/usage/index.ts'
import type { GatewayClient } from '../../../../gateway/gateway-client.ts'
import { createApiKey, createGateway } from '../../../../gateway/index.ts'

const KEYS = 60
const REQUESTS = 12
/** Of each request, as reserved and as used. */
const TOKENS = 3
const EMBEDDED = {
  ...{ object: 'list', data: [], model: 'm' },
  usage: { prompt_tokens: TOKENS, total_tokens: TOKENS },
  skein: { peerId: 'p', attempts: [], resumes: 0 },
}

it('counts many keys that ask at once each for itself, and goes on with the counts after a restart', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'skein-keys-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const keys = Array.from({ length: KEYS }, (_, index) => {
    const affordable = (index % REQUESTS) + 1
    const perMinute = index % 3 === 0 ? 2 : undefined
    return {
      ...createApiKey(`key-${index}`, {
        budget: { tokens: affordable * TOKENS, per: 'month' },
        ...(perMinute !== undefined && { requestsPerMinute: perMinute }),
      }),
      allowed: Math.min(affordable, perMinute ?? affordable),
      affordable,
    }
  })
  const kept = keys.map((one) => one.kept)

  /** How many of the requests of each key are answered by a gateway that starts now. */
  const answered = async (): Promise<number[]> => {
    using file = await UsageFile.open(directory)
    const counter = new UsageCounter({ file, onFailure: (error) => expect.fail(String(error)) })
    const client = {
      embed: async () => {
        await setImmediate()
        return EMBEDDED
      },
      slots: () => KEYS * REQUESTS,
      observe: () => () => undefined,
    } as unknown as GatewayClient
    const gateway = createGateway(client, {
      apiKeys: () => kept,
      onUsage: (used) => counter.add(used),
      spentTokens: (key, sinceMs) => counter.tokensOf(key, sinceMs),
    })
    const ask = async (key: string): Promise<number> => {
      const response = await gateway.fetch('http://skein.local/v1/embeddings', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ model: 'm', input: 'xxxxxxxx' }),
      })
      expect([200, 429]).toContain(response.status)
      return response.status === 200 ? 1 : 0
    }
    // One request of each key after the other, so that the keys are mixed.
    const rounds = Array.from({ length: REQUESTS }, () => keys.map(({ key }) => ask(key)))
    const counts = await Promise.all(rounds.map((round) => Promise.all(round)))
    await gateway.close()
    return keys.map((_, index) => counts.reduce((sum, round) => sum + (round[index] ?? 0), 0))
  }

  expect(await answered()).toEqual(keys.map(({ allowed }) => allowed))
  // The budget of those with a limit by the minute lasts for more of them; that of the others is used up.
  const left = keys.map(({ affordable, allowed }) => affordable - allowed)
  expect(await answered()).toEqual(left.map((count) => Math.min(count, 2)))
  const rows = await readUsage(directory, 1)
  const used = (name: string): number =>
    rows.reduce((sum, { key, promptTokens }) => (key === name ? sum + promptTokens : sum), 0)
  for (const [index, { allowed }] of keys.entries()) {
    expect(used(`key-${index}`)).toBe((allowed + Math.min(left[index] ?? 0, 2)) * TOKENS)
  }
})
