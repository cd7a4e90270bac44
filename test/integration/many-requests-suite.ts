import { describe, expect, it } from 'vitest'
import type { Client } from '../../client/index.ts'
import { InferenceError, PROTOCOLS } from '../../protocol/index.ts'
import { LiveSwarm } from '../../testing/swarms/live-swarm.ts'

const AT_ONCE = 8

/** Many requests of one client, eight at a time: most are answered, some are left or broken off. */
export function describeManyRequests(count: number): void {
  describe(`${count} requests over real sockets`, () => {
    it('leave no stream and no running engine', { timeout: 90_000 }, async () => {
      await using swarm = await LiveSwarm.create()
      const error = new InferenceError('engine_failed', 'died')
      const script = (_: unknown, index: number) =>
        index % 10 === 9
          ? { fault: { type: 'throw', error, afterTokens: index % 3 } as const }
          : undefined
      const init = { script, slots: 16 }
      const nodes = [await swarm.node(init), await swarm.node(init)]
      const client = await swarm.client({ random: Math.random })
      let asked = 0
      const outcomes = { answered: 0, left: 0, failed: 0 }
      const worker = async (): Promise<void> => {
        while (asked < count) {
          asked += 1
          outcomes[await askOnce(client, asked)] += 1
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
      await Promise.all(nodes.map(({ backend }) => backend.idle()))
      expect(outcomes.answered).toBeGreaterThan(0.7 * count)
      expect(outcomes.left).toBeGreaterThan(0.05 * count)
      const open = (wanted: string): number =>
        client.host.libp2p
          .getConnections()
          .flatMap(({ streams }) => streams)
          .filter(({ protocol }) => protocol === wanted).length
      // A peer closes its half within its own time.
      await expect.poll(() => open(PROTOCOLS.inference)).toBe(0)
      // Those kept for the next requests: one for each that ran at once, and for its hedge.
      await expect.poll(() => open(PROTOCOLS.keptInference)).toBeLessThanOrEqual(2 * AT_ONCE)
      await client.close()
      for (const { node } of nodes) {
        const left = (): number =>
          node.host.libp2p
            .getConnections()
            .flatMap(({ streams }) => streams)
            .filter(({ protocol }) => protocol.startsWith('/skein/inference/')).length
        await expect.poll(left).toBe(0)
      }
    })
  })
}

async function askOnce(client: Client, index: number): Promise<'answered' | 'left' | 'failed'> {
  const body = { model: 'm', messages: [{ role: 'user', content: 'Count from 1 to 5.' }] } as const
  try {
    if (index % 2 === 0) {
      await client.chat(body)
      return 'answered'
    }
    for await (const _ of client.chat({ ...body, stream: true })) if (index % 9 === 0) return 'left'
    return 'answered'
  } catch (error) {
    if (InferenceError.is(error)) return 'failed'
    throw error
  }
}
