import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isAlive } from '../../storage/index.ts'
import { type CliEvent, createSandbox, type Sandbox } from '../../testing/cli/index.ts'
import { itTakesItsProcessesAlong } from './demo-suite.ts'

const COUNTED = `${Array.from({ length: 100 }, (_, index) => index + 1).join(', ')}.`

let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await createSandbox()
})

afterAll(() => sandbox.close())

/** Temporary folders of demos that were not removed. */
async function leftovers(): Promise<string[]> {
  return (await readdir(sandbox.home)).filter((name) => name.startsWith('skein-demo-'))
}

it('counts on without a number lost although the node that counts is killed twice, and leaves nothing behind', async () => {
  const demo = sandbox.start(['demo', '--json'], { TMPDIR: sandbox.home })
  const { exitCode, stdout, events } = await demo.finished
  expect(exitCode, stdout + demo.stderr()).toBe(0)
  const named = (name: string): CliEvent[] => events().filter(({ event }) => event === name)
  expect(named('done').map(({ text }) => text)).toEqual([COUNTED])
  const speakers = named('delta').map(({ peerId }) => peerId)
  const handovers = speakers.filter((peerId, index) => index > 0 && peerId !== speakers[index - 1])
  // On a busy machine a node may also stall and be left for another.
  expect(handovers.length).toBeGreaterThanOrEqual(2)
  expect(new Set(speakers).size).toBe(3)
  const [record] = named('explain')
  expect(record).toMatchObject({ outcome: 'answered', exact: true })
  expect(record?.resumes).toBeGreaterThanOrEqual(2)
  const pids = named('process').map(({ pid }) => pid)
  expect(pids).toHaveLength(4)
  expect(pids.filter(isAlive)).toEqual([])
  expect(await leftovers()).toEqual([])
}, 90_000)

// `demo.slow.test.ts` has SIGINT.
itTakesItsProcessesAlong('SIGKILL')
