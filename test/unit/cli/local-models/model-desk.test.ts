import { beforeEach, describe, expect, it } from 'vitest'
import type { ManagedModel, ModelManager } from '../../../../backend/index.ts'
import { ModelDesk } from '../../../../cli/local-models/index.ts'
import { SharedModels } from '../../../../node/shared-models.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'

const FILES = ['m-q4_0', 'm-q8_0', 'b-q8_0']

let served: Set<string>
let remembered: readonly string[]
/** Whether the models in memory answer. */
let isAnswering: boolean

/** A pool with three files, two of which have one id. */
const manager: ModelManager = {
  engine: 'embedded',
  list: async () => FILES.map(fileOf),
  load: async (name) => void served.add(name),
  unload: checkIdle,
  isAnswering: () => isAnswering,
  serve: async (name) => void served.add(name.replace('/', '').toLowerCase()),
  withdraw: async (name) => {
    await checkIdle()
    served.delete(name)
  },
}

async function checkIdle(): Promise<void> {
  if (isAnswering) throw new InferenceError('over_capacity', 'it is answering')
}

function fileOf(name: string): ManagedModel {
  const id = name.slice(0, 1)
  const isServed = served.has(name)
  const state = isServed ? 'running' : 'on-disk'
  return { ...{ name, id, isServed, bytes: 1, source: '' }, path: `/${name}`, state }
}

function deskWith(
  share: readonly string[] | undefined,
  clock?: VirtualClock,
): {
  desk: ModelDesk
  models: SharedModels
} {
  const models = new SharedModels(
    {
      models: async () =>
        [...served].map((name) => ({ id: name.slice(0, 1), aliases: [] as string[] })) as never,
    },
    share,
  )
  const desk = new ModelDesk({
    manager,
    ...(clock !== undefined && { clock }),
    node: {
      models: () => models.all(),
      refresh: async () => void (await models.refresh()),
      share: async (names) => void (await models.reshare(names, { startEmpty: true })),
    },
    remember: async (names) => {
      remembered = names
    },
  })
  return { desk, models }
}

beforeEach(() => {
  served = new Set()
  remembered = []
  isAnswering = false
})

describe('the desk of a pool', () => {
  it('shows and remembers only the quantization that is shared', async () => {
    using desk = deskWith(undefined).desk
    await desk.load('m-q8_0')
    const shared = (await desk.list()).filter(({ isShared }) => isShared)
    expect(shared.map(({ name }) => name)).toEqual(['m-q8_0'])
    expect(remembered).toEqual(['m-q8_0'])
  })

  it('keeps the share setting in force when a model leaves memory', async () => {
    served = new Set(['m-q8_0', 'b-q8_0'])
    const { desk, models } = deskWith(undefined)
    using _ = desk
    // As a changed configuration does.
    await models.reshare(['b'])
    await desk.unload('b-q8_0')
    expect(models.all().map(({ id }) => id)).toEqual(['b'])
  })

  it.each(['m-q8_0', 'M-q8_0', '/m-q8_0'])(
    'shares %s beside what the setting names',
    async (name) => {
      served = new Set(['m-q8_0', 'b-q8_0'])
      const { desk, models } = deskWith(['b'])
      using _ = desk
      await desk.share(name)
      expect(
        models
          .all()
          .map(({ id }) => id)
          .sort(),
      ).toEqual(['b', 'm'])
      await desk.unload('m-q8_0')
      expect(models.all()).toHaveLength(2)
    },
  )

  it('shows which models answer now, without another list', async () => {
    served = new Set(['m-q8_0'])
    using desk = deskWith(undefined).desk
    isAnswering = true
    await desk.list()
    const states = (): string[] => desk.view().models.map(({ state }) => state)
    expect(states()).toEqual(['on-disk', 'running', 'on-disk'])
    isAnswering = false
    expect(states()).toEqual(['on-disk', 'loaded', 'on-disk'])
  })

  it.each(['unload', 'unshare'] as const)(
    'lets a short answer end before it does %s',
    async (order) => {
      served = new Set(['m-q8_0'])
      const clock = new VirtualClock()
      using desk = deskWith(undefined, clock).desk
      isAnswering = true
      clock.at(1_000, () => {
        isAnswering = false
      })
      await clock.until(desk[order]('m-q8_0'))
      expect(clock.now()).toBeGreaterThanOrEqual(1_000)
      isAnswering = true
      await expect(clock.until(desk[order]('m-q8_0'))).rejects.toMatchObject({
        code: 'over_capacity',
      })
      expect(clock.now()).toBeLessThan(10_000)
    },
  )
})
