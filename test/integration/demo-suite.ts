import { expect, it } from 'vitest'
import { isAlive } from '../../storage/index.ts'
import { createSandbox } from '../../testing/cli/index.ts'

/** Whether the processes of a demo end with it. */
export function itTakesItsProcessesAlong(signal: 'SIGINT' | 'SIGKILL'): void {
  it(`takes its processes along at ${signal}`, async () => {
    const sandbox = await createSandbox()
    try {
      const demo = sandbox.start(['demo', '--json'], { TMPDIR: sandbox.home })
      await demo.seen(/(?:"event":"process"[\s\S]*?){4}/)
      const pids = [...demo.stdout().matchAll(/"event":"process","pid":(\d+)/g)].map(([, pid]) =>
        Number(pid),
      )
      demo.child.kill(signal)
      await demo.finished
      // They see it once they have loaded their modules.
      await expect.poll(() => pids.filter(isAlive), { timeout: 90_000 }).toEqual([])
    } finally {
      await sandbox.close()
    }
  }, 180_000)
}
