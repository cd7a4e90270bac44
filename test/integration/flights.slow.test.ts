import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import { createClient } from '../../client/index.ts'
import { createNode } from '../../node/index.ts'
import { type GatedPath, startGatedPath } from '../../testing/faults/gated-path.ts'

/** Time in which neither side, both of which run in this process, has anything to do. */
const QUIET_MS = 200
const IDLE_SHARE = 0.3

/** Until nothing more comes on either side. A process that is not given the processor is busy, not quiet. */
async function quiet({ there, back }: GatedPath): Promise<void> {
  for (let before = -1; ; ) {
    const held = there.heldBytes + back.heldBytes
    const begin = performance.eventLoopUtilization()
    await wait(QUIET_MS)
    const { utilization } = performance.eventLoopUtilization(begin)
    if (held > 0 && held === before && utilization < IDLE_SHARE) return
    before = there.heldBytes + back.heldBytes
  }
}

/** A process that is paused for seconds looks quiet, so this runs beside nothing else. */
it('a request from nothing takes four round trips and that of TCP: two for encryption, one for the advertisement, one for the answer', async () => {
  const host = { listen: ['/ip4/127.0.0.1/tcp/0'] }
  await using node = await createNode({ host, backend: createScriptedBackend() })
  const [address = ''] = node.host.addresses().map(String)
  const port = address.split('/')[4] ?? ''
  await using path = await startGatedPath(Number(port))
  path.there.hold()
  path.back.hold()
  const bootstrap = [address.replace(`/tcp/${port}/`, `/tcp/${path.port}/`)]
  await using client = await createClient({
    ...{ bootstrap, canaries: 'off' },
    ...{ connectTimeoutMs: 60_000, lookupTimeoutMs: 60_000 },
  })
  let isAnswered = false
  const messages = [{ role: 'user', content: 'Count from 1 to 5.' }] as const
  const answered = client.chat({ model: 'scripted', messages }).finally(() => {
    isAnswered = true
  })
  let trips = 0
  while (!isAnswered) {
    await Promise.race([quiet(path), answered])
    path.there.pass()
    await Promise.race([quiet(path), answered])
    path.back.pass()
    trips += 1
    await Promise.race([wait(QUIET_MS), answered])
  }
  await answered
  // Four; one more where the machine pauses in between.
  expect(trips).toBeLessThanOrEqual(5)
})
