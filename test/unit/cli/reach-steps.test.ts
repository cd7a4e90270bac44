import { expect, it } from 'vitest'
import { reachSteps } from '../../../cli/doctor/reach-steps.ts'
import type { Reachability } from '../../../host/index.ts'

const ADVICE = 'peers without IPv6 do not reach this machine: no relay is held'

it.each([
  ['nothing where all peers reach it', undefined, /nothing to do/],
  ['what keeps peers without IPv6 away', ADVICE, /by peers with IPv6 only/],
] as const)('doctor says %s', async (_, advice, message) => {
  const reachability = {
    ...{ status: 'public', evidence: [], seenAt: [] },
    ...(advice !== undefined && { advice }),
  } as const satisfies Reachability
  const host = { reachability: () => reachability } as unknown as Parameters<
    typeof reachSteps
  >[0]['host']
  const signal = new AbortController().signal
  const serving = reachSteps({ host, running: [], announced: [], signal }).at(-1)
  const finding = await serving?.run()
  expect(serving?.name).toBe('serving')
  expect(finding).toMatchObject({ ok: true, message: expect.stringMatching(message) })
  expect(finding?.advice).toBe(advice)
})
