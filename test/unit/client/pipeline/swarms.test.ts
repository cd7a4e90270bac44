import { describe, expect, it } from 'vitest'
import type { RequestEvent, RequestOptions } from '../../../../client/index.ts'
import { createSwarmsRequester, type Requester } from '../../../../client/pipeline/requester.ts'
import { resolveSettings } from '../../../../client/pipeline/settings.ts'
import type { InferenceError } from '../../../../protocol/index.ts'
import { type ScriptedPeerInit, ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'

const COUNT = 'one two three four five six'
const messages = [{ role: 'user', content: 'Count.' }]
const dies = { answer: COUNT, fault: { type: 'end', afterTokens: 3 } } as const
/** A node that dies in mid-answer, and cannot continue it. */
const LOST: ScriptedPeerInit = { scripts: [dies], model: { resume: 'none' } }
const named = (id: string): ScriptedPeerInit => ({
  model: { id },
  scriptOf: () => ({ answer: id }),
})

interface Two extends AsyncDisposable {
  readonly work: ScriptedSwarm
  readonly home: ScriptedSwarm
  readonly requester: Requester
}

async function two(
  workPeers: readonly ScriptedPeerInit[],
  homePeers: readonly ScriptedPeerInit[],
  aliases: Record<string, string> = {},
): Promise<Two> {
  const work = await ScriptedSwarm.create(workPeers)
  const home = await ScriptedSwarm.create(homePeers, { clock: work.swarm.clock })
  const settings = resolveSettings({ aliases, clock: work.swarm.clock, canaries: 'off' })
  const requester = createSwarmsRequester(
    [
      { name: 'work', ...work.swarm.part },
      { name: 'Home', ...home.swarm.part },
    ],
    settings,
  )
  return {
    ...{ work, home, requester },
    async [Symbol.asyncDispose]() {
      await requester.close()
      await work[Symbol.asyncDispose]()
      await home[Symbol.asyncDispose]()
    },
  }
}

interface Read {
  readonly text: string
  readonly models: ReadonlySet<string>
  readonly peers: readonly string[]
  readonly swarms: readonly (string | undefined)[]
  readonly event: RequestEvent | undefined
  readonly error: InferenceError | undefined
}

async function read({ requester }: Two, model: string, options?: RequestOptions): Promise<Read> {
  const answer = requester.streamChat({ model, messages }, options)
  let text = ''
  const models = new Set<string>()
  const peers = new Set<string>()
  const swarms = new Set<string | undefined>()
  let error: InferenceError | undefined
  try {
    for await (const chunk of answer) {
      text += chunk.choices[0]?.delta.content ?? ''
      models.add(chunk.model)
      peers.add(chunk.skein.peerId)
      swarms.add(chunk.skein.swarm)
    }
  } catch (thrown) {
    error = thrown as InferenceError
  }
  return { text, models, peers: [...peers], swarms: [...swarms], event: answer.event, error }
}

const asked = (swarm: ScriptedSwarm): number =>
  swarm.peers.reduce((sum, { engine }) => sum + engine.calls.length, 0)

describe('a requester for several swarms', () => {
  it('asks the swarm that the name begins with, and only for the rest of the name', async () => {
    await using both = await two([named('m')], [named('m')])
    const inWork = await read(both, 'work/m')
    expect(inWork).toMatchObject({ text: 'm', swarms: ['work'] })
    expect(inWork.models).toEqual(new Set(['work/m']))
    expect([asked(both.work), asked(both.home)]).toEqual([1, 0])
    expect(inWork.event).toMatchObject({ model: 'work/m', answeredBy: 'work/m', swarm: 'work' })
    // Names of swarms are written in any case.
    expect((await read(both, 'home/m')).event?.swarm).toBe('Home')
    expect([asked(both.work), asked(both.home)]).toEqual([1, 1])
    for (const { peers } of [both.work, both.home]) {
      expect(peers[0]?.engine.calls[0]?.request.body.model).toBe('m')
    }
  })

  it('takes a plain name for the default swarm’s, or for that of the only other swarm', async () => {
    await using both = await two([named('m'), named('w')], [named('m'), named('h')])
    expect((await read(both, 'm')).event).toMatchObject({ answeredBy: 'm', swarm: 'work' })
    expect((await read(both, 'h')).event).toMatchObject({ answeredBy: 'h', swarm: 'Home' })
    const unknown = await read(both, 'x')
    expect(unknown.error?.code).toBe('model_not_found')
    expect(both.home.swarm.lookUps).toBeGreaterThan(0)
  })

  it('lists models with the name of their swarm, also if one swarm has none', async () => {
    await using both = await two([named('m')], [named('m'), named('h')])
    const ids = async () => (await both.requester.models()).map(({ id }) => id)
    expect(await ids()).toEqual(['work/m', 'Home/h', 'Home/m'])
    const swarms = (await both.requester.peers()).map(({ swarm, models }) => [swarm, ...models])
    expect(swarms).toEqual([
      ['work', 'm'],
      ['Home', 'm'],
      ['Home', 'h'],
    ])
    expect(both.requester.slots('home/h')).toBeGreaterThan(0)
    expect(both.requester.slots('work/h')).toBe(0)
    await using half = await two([], [named('h')])
    expect((await half.requester.models()).map(({ id }) => id)).toEqual(['Home/h'])
  })

  it('resolves auto in the named swarm, the default without a name', async () => {
    await using both = await two([named('w')], [named('h')])
    expect((await read(both, 'auto')).event?.answeredBy).toBe('work/w')
    expect((await read(both, 'home/auto')).event?.answeredBy).toBe('Home/h')
    await using half = await two([], [named('h')])
    const { error } = await read(half, 'auto')
    expect(error?.code).toBe('no_peers')
    expect(asked(half.home)).toBe(0)
  })

  it('goes on in the next swarm of a chain when one fails', async () => {
    const refuses: ScriptedPeerInit = {
      scriptOf: () => ({ fault: { type: 'end', afterTokens: 0 } }),
    }
    const aliases = { best: 'work/m,home/m' }
    await using both = await two([refuses], [{ scripts: [{ answer: COUNT }] }], aliases)
    const { text, event } = await read(both, 'best')
    expect(text).toBe(COUNT)
    expect(event).toMatchObject({ answeredBy: 'home/m', swarm: 'Home', outcome: 'answered' })
    expect(new Set(event?.attempts.map(({ model }) => model))).toEqual(
      new Set(['work/m', 'Home/m']),
    )
    const whole = await both.requester.chat({ model: 'best', messages })
    expect(whole.skein.swarm).toBe('Home')
  })

  it('continues a broken answer by token ids at the same weights in the next swarm', async () => {
    await using both = await two([LOST], [{ scripts: [{ answer: COUNT }] }])
    const { text, event, swarms, models } = await read(both, 'work/m,home/m')
    expect(text).toBe(COUNT)
    expect(event).toMatchObject({ outcome: 'answered', exact: true, swarm: 'Home' })
    expect([swarms, [...models]]).toEqual([['work', 'Home'], ['work/m']])
    expect(both.home.peers[0]?.engine.calls[0]?.resume?.tokenIds).toHaveLength(3)
  })

  it('continues in no other swarm with other weights, unless models may switch', async () => {
    const other: ScriptedPeerInit = {
      scripts: [{ answer: COUNT }],
      model: { digest: `sha256:${'6'.repeat(64)}` },
    }
    await using both = await two([LOST], [other])
    const { error, event } = await read(both, 'work/m,home/m')
    expect([event?.outcome, error?.code]).toEqual(['engine_failed', 'engine_failed'])
    expect(asked(both.home)).toBe(0)
    await using again = await two([LOST], [other])
    const switched = await read(again, 'work/m,home/m', { switchModels: 'mid-answer' })
    expect([switched.text, switched.event?.exact]).toEqual([COUNT, false])
  })

  it.each(['m,home/m', 'auto,home/m'])('does not start an answer over for %s', async (model) => {
    const other: ScriptedPeerInit = {
      scripts: [{ answer: COUNT }],
      model: { digest: `sha256:${'6'.repeat(64)}` },
    }
    await using both = await two([LOST], [other])
    const { text, error } = await read(both, model)
    expect(COUNT.startsWith(text)).toBe(true)
    expect(error?.code).toBe('engine_failed')
    expect(asked(both.home)).toBe(0)
    await using same = await two([LOST], [{ scripts: [{ answer: COUNT }] }])
    expect((await read(same, model)).text).toBe(COUNT)
  })

  it('does not go on elsewhere if the caller wants no resume', async () => {
    await using both = await two([LOST], [{ scripts: [{ answer: COUNT }] }])
    const { text, error } = await read(both, 'work/m,home/m', { resume: 'off' })
    expect(text).not.toBe(COUNT)
    expect(error?.code).toBe('not_resumable')
    expect(asked(both.home)).toBe(0)
  })

  it('gives each swarm a prompt_cache_key of its own, the same for the same caller', async () => {
    await using both = await two([named('m')], [named('m')])
    for (const model of ['m', 'work/m', 'home/m', 'm']) {
      await both.requester.chat({ model, messages, prompt_cache_key: 'session-4711' })
    }
    const keysIn = (swarm: ScriptedSwarm) =>
      new Set(
        swarm.peers.flatMap(({ engine }) =>
          engine.calls.map(
            ({ request: { body } }) => 'prompt_cache_key' in body && body.prompt_cache_key,
          ),
        ),
      )
    const keys = [...keysIn(both.work), ...keysIn(both.home), 'session-4711']
    expect(new Set(keys).size).toBe(3)
    expect(keys).toHaveLength(3)
  })

  it('keeps a swarm’s standings and budgets to itself', async () => {
    await using both = await two([LOST], [named('m')])
    await read(both, 'work/m')
    const { settings } = both.home.swarm.part
    expect(settings.budgets.budget).not.toBe(both.work.swarm.part.settings.budgets.budget)
    expect(settings.reputation).not.toBe(both.work.swarm.part.settings.reputation)
    expect(asked(both.home)).toBe(0)
  })

  it('says that an answer continued from another swarm could not be rated', async () => {
    await using both = await two([LOST], [{ scripts: [{ answer: COUNT }] }])
    const { event } = await read(both, 'work/m,home/m', { verify: 'always' })
    expect(event?.verification).toMatchObject({ status: 'unverified' })
  })
})
