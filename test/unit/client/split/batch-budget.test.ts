import { describe, expect, it } from 'vitest'
import { RetryBudget } from '../../../../client/dispatch/budget/retry-budget.ts'
import { runBatch } from '../../../../client/split/batch/run-batch.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'

const chat = { model: 'm', messages: [{ role: 'user' as const, content: 'Count.' }] }
const BATCH = Array.from({ length: 6 }, (_, n) => ({
  id: `${n}`,
  kind: 'chat' as const,
  body: { ...chat, seed: n },
}))
const failing = {
  scriptOf: () => ({
    fault: { type: 'throw', error: new InferenceError('engine_failed', 'died') } as const,
  }),
}

const NO_RESUMES = {
  balance: 0,
  acquire: () => Promise.reject(new InferenceError('budget_exhausted', 'none')),
  answered: () => {},
}

/** A swarm in which every request fails, so that retries are charged. */
const badSwarm = (init: Parameters<typeof ScriptedSwarm.create>[1] = {}) =>
  ScriptedSwarm.create([failing, failing, failing], init)

async function runAll({ swarm }: ScriptedSwarm): Promise<(string | undefined)[]> {
  const { requester, clock } = swarm
  const context = {
    requester,
    slots: requester.slots,
    timeoutMs: 20_000,
    clock,
    random: () => 0.5,
  }
  const results = await Array.fromAsync(runBatch(context, BATCH, { deadlineMs: 60_000 }))
  return results.map(({ error }) => error?.code)
}

describe('the retries of a batch', () => {
  it('leave the budget of single requests as it was', async () => {
    await using swarm = await badSwarm()
    const before = swarm.swarm.requester.stats().retryBudget
    const failures = await runAll(swarm)
    expect(failures).toHaveLength(BATCH.length)
    expect(failures).not.toContain(undefined)
    expect(swarm.swarm.requester.stats().retryBudget).toBe(before)
  })

  it('are charged to the budget of batches', async () => {
    const budget = new RetryBudget()
    await using swarm = await badSwarm({ batchBudgets: { budget, reserve: NO_RESUMES } })
    await runAll(swarm)
    expect(budget.balance).toBeLessThan(10)
  })

  it('use up that of single requests where both are one (control)', async () => {
    const budget = new RetryBudget()
    await using swarm = await badSwarm({ budgets: { budget, reserve: NO_RESUMES } })
    await runAll(swarm)
    expect(swarm.swarm.requester.stats().retryBudget).toBeLessThan(10)
  })
})
