import { getEventListeners } from 'node:events'
import { peerIdFromString } from '@libp2p/peer-id'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { predictedWaitMs, UNMEASURED } from '../../../node/admission/estimate.ts'
import {
  checkAccess,
  Fairness,
  Gate,
  Pacer,
  PeerLedger,
  peerIdSet,
} from '../../../node/admission/index.ts'
import { givesWay, nextTurn } from '../../../node/admission/turn.ts'
import { InForce } from '../../../node/live-settings.ts'
import { VirtualClock } from '../../../testing/index.ts'
import { charge, fullBucket, takeOne } from '../../../timing/token-bucket.ts'

const FAR = 1e12
/** One turn in so many is a stranger's. */
const ONE_IN = 5

function gateAt(clock: { nowMs: number }, slots: number, maxQueue: number): Gate {
  return new Gate({ slots, maxQueue, now: () => clock.nowMs })
}

/** Enters and tells in which order slots were granted. */
function entrant(gate: Gate, order: string[]) {
  return (
    name: string,
    peer: string,
    more: { deadlineAtMs?: number; signal?: AbortSignal } = {},
  ) => {
    const { deadlineAtMs = FAR, signal = new AbortController().signal } = more
    const ticket = gate.enter({ peer, deadlineAtMs, signal })
    const outcome = ticket.granted.then(
      () => void order.push(name),
      (error) => void order.push(`${name}: ${error.code ?? error}`),
    )
    return { ...ticket, outcome, signal }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the gate', () => {
  it('grants slots at once, then queues in order of arrival', async () => {
    const order: string[] = []
    const gate = gateAt({ nowMs: 0 }, 1, 4)
    const enter = entrant(gate, order)
    const a = enter('a', 'p')
    const b = enter('b', 'p')
    const c = enter('c', 'p')
    expect([a, b, c].map(({ queuePosition }) => queuePosition)).toEqual([0, 1, 2])
    a.release()
    await turn()
    expect(order).toEqual(['a', 'b'])
    b.release()
    b.release()
    await turn()
    expect(order).toEqual(['a', 'b', 'c'])
    expect(gate.occupancy).toEqual({ inFlight: 1, queueDepth: 0, slots: 1 })
    c.release()
    await gate.idle()
  })

  it('lets peers take turns, so that a flood of one does not delay another', async () => {
    const order: string[] = []
    const gate = gateAt({ nowMs: 0 }, 1, 10)
    const enter = entrant(gate, order)
    const tickets = ['a1', 'a2', 'a3'].map((name) => enter(name, 'a'))
    tickets.push(enter('b1', 'b'), enter('b2', 'b'))
    for (const _ of tickets) {
      await turn()
      const running = order.at(-1)
      tickets[['a1', 'a2', 'a3', 'b1', 'b2'].indexOf(running ?? '')]?.release()
    }
    await turn()
    expect(order).toEqual(['a1', 'b1', 'a2', 'b2', 'a3'])
  })

  it('serves the newest first once the queue has not been empty for long', async () => {
    const clock = { nowMs: 0 }
    const order: string[] = []
    const gate = gateAt(clock, 1, 10)
    const enter = entrant(gate, order)
    const running = enter('running', 'p')
    enter('old', 'p')
    clock.nowMs = 20_000
    enter('new', 'p')
    running.release()
    await turn()
    expect(order).toEqual(['running', 'new'])
  })

  it('drops expired requests when it looks for the next', async () => {
    const clock = { nowMs: 0 }
    const order: string[] = []
    const gate = gateAt(clock, 1, 10)
    const enter = entrant(gate, order)
    const running = enter('running', 'p')
    enter('late', 'p', { deadlineAtMs: 100 })
    enter('fine', 'p')
    clock.nowMs = 101
    running.release()
    await turn()
    expect(new Set(order)).toEqual(new Set(['running', 'late: deadline_exceeded', 'fine']))
  })

  it('drops a request at its deadline without any other event', async () => {
    const time = new VirtualClock()
    const gate = new Gate({
      slots: 1,
      maxQueue: 10,
      now: time.now,
      after: time.after,
    })
    const enter = entrant(gate, [])
    const order: string[] = []
    const running = enter('running', 'p')
    for (const deadlineAtMs of [300, 100, 200]) {
      void enter('late', 'p', { deadlineAtMs }).granted.catch(({ code }) => {
        order.push(`${time.now()} ms: ${code}`)
      })
    }
    await time.run()
    expect(order).toEqual([100, 200, 300].map((ms) => `${ms} ms: deadline_exceeded`))
    running.release()
    await gate.idle()
  })

  it('refuses when the predicted wait exceeds the deadline, and says when to retry', () => {
    const gate = gateAt({ nowMs: 0 }, 1, 10)
    const sample = { prefillTokens: 1, prefillMs: 1, decodeTokens: 1, decodeMs: 1 }
    gate.observe({ ...sample, firstTokenMs: 500, serviceMs: 4_000 })
    const enter = entrant(gate, [])
    expect(enter('first', 'p').expectedTtftMs).toBe(500)
    expect(() => enter('hurried', 'p', { deadlineAtMs: 3_999 })).toThrow(
      expect.objectContaining({ code: 'over_capacity', retryAfterMs: 4_000 }),
    )
    expect(enter('patient', 'p', { deadlineAtMs: 4_001 }).expectedTtftMs).toBe(4_500)
  })

  it('leaves the queue when the signal fires, and keeps no listener', async () => {
    const order: string[] = []
    const gate = gateAt({ nowMs: 0 }, 1, 10)
    const enter = entrant(gate, order)
    const running = enter('running', 'p')
    const controller = new AbortController()
    const { outcome } = enter('impatient', 'p', { signal: controller.signal })
    controller.abort(new Error('gone'))
    await outcome
    expect(order.at(-1)).toMatch('impatient: Error: gone')
    expect(gate.occupancy.queueDepth).toBe(0)
    expect(getEventListeners(running.signal, 'abort')).toEqual([])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    running.release()
    await gate.idle()
  })

  it('evicts from a full queue a request of the peer that holds the most', async () => {
    const order: string[] = []
    const gate = gateAt({ nowMs: 0 }, 1, 2)
    const enter = entrant(gate, order)
    enter('running', 'greedy')
    enter('kept', 'greedy')
    const { outcome } = enter('dropped', 'greedy')
    expect(() => enter('more', 'greedy')).toThrow(
      expect.objectContaining({ code: 'over_capacity' }),
    )
    enter('modest', 'modest')
    await outcome
    expect(order.at(-1)).toBe('dropped: over_capacity')
    expect(() => enter('third', 'third')).toThrow(
      expect.objectContaining({ code: 'over_capacity' }),
    )
  })

  it('uses slots added by the engine', async () => {
    const order: string[] = []
    const gate = gateAt({ nowMs: 0 }, 1, 2)
    const enter = entrant(gate, order)
    enter('a', 'p')
    enter('b', 'p')
    gate.setSlots(2)
    await turn()
    expect(order).toEqual(['a', 'b'])
  })

  it.each([
    ['strangers only', false],
    ['contributors, for whom a slot is kept', true],
  ])(
    'never runs more than its slots nor queues more than its queue, whatever happens, with %s',
    async (_, withContributors) => {
      const command = fc.oneof(
        {
          weight: 3,
          arbitrary: fc.record({
            do: fc.constant('enter' as const),
            peer: fc.constantFrom('a', 'b', 'c'),
            lifeMs: fc.oneof(fc.nat(50), fc.constant(FAR)),
            contributes: withContributors ? fc.boolean() : fc.constant(false),
          }),
        },
        fc.record({ do: fc.constant('release' as const), index: fc.nat(20) }),
        fc.record({ do: fc.constant('abort' as const), index: fc.nat(20) }),
        fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.nat(30), fc.nat(70_000)) }),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
          const time = new VirtualClock()
          const gate = new Gate({
            slots: 2,
            maxQueue: 3,
            now: time.now,
            after: time.after,
          })
          const held: { release(): void; controller: AbortController }[] = []
          const waiting: { readonly peer: string; readonly contributes: boolean }[] = []
          const running: string[] = []
          const askedAtMs = new Map<string, number>()
          let [keptUntilMs, passedOver] = [0, 0]
          const leavesNoneTo = (peer: string): boolean =>
            running.every((other) => other === peer) &&
            [...askedAtMs].some(([other, atMs]) => other !== peer && time.now() < atMs + 60_000)
          for (const step of commands) {
            if (step.do === 'enter') {
              const controller = new AbortController()
              const { peer, contributes, lifeMs } = step
              const deadlineAtMs = time.now() + lifeMs
              const { signal } = controller
              if (contributes) keptUntilMs = time.now() + 60_000
              askedAtMs.set(peer, time.now())
              try {
                const ticket = gate.enter({ peer, contributes, deadlineAtMs, signal })
                const one = { peer, contributes }
                waiting.push(one)
                const gone = (): void => void waiting.splice(waiting.indexOf(one), 1)
                const granted = (): void => {
                  gone()
                  running.push(peer)
                  const isOver = contributes && waiting.some((other) => !other.contributes)
                  passedOver = isOver ? passedOver + 1 : 0
                }
                ticket.granted.then(granted, gone)
                let released = false
                const release = (): void => {
                  if (waiting.includes(one)) gone()
                  else if (!released && running.includes(peer)) {
                    running.splice(running.indexOf(peer), 1)
                  }
                  released = true
                  ticket.release()
                }
                held.push({ release, controller })
              } catch (error) {
                expect(error).toMatchObject({ name: 'InferenceError' })
              }
            } else if (step.do === 'wait') time.after(step.ms, () => {})
            else if (step.do === 'release') held[step.index]?.release()
            else held[step.index]?.controller.abort()
            await time.run(time.now() + (step.do === 'wait' ? step.ms : 0))
            await turn()
            const { inFlight, queueDepth } = gate.occupancy
            expect(inFlight).toBeLessThanOrEqual(2)
            expect(queueDepth).toBeLessThanOrEqual(3)
            expect(queueDepth).toBe(waiting.length)
            if (queueDepth === 0 || inFlight === 2) continue
            // Strangers alone wait beside a free slot: the last one, while it is kept for contributors and not their
            // turn, or for another peer than the one that holds all others.
            expect(inFlight).toBe(1)
            const isKept = time.now() < keptUntilMs && passedOver < ONE_IN - 1
            for (const { peer, contributes } of waiting) {
              expect(!contributes && (isKept || leavesNoneTo(peer))).toBe(true)
            }
          }
          for (const { release } of held) release()
          await gate.idle()
          expect(gate.occupancy).toEqual({ inFlight: 0, queueDepth: 0, slots: 2 })
        }),
        { numRuns: 300 },
      )
    },
  )
})

describe('a peer that would take every slot', () => {
  const setting = () => {
    const time = new VirtualClock()
    const { now } = time
    const gate = new Gate({
      slots: 2,
      maxQueue: 8,
      now,
      after: (ms, run) => time.after(ms, run),
      isConnected: (peer) => peer !== 'gone',
    })
    const enter = (peer: string, network = peer, lifeMs = FAR) => {
      const { signal } = new AbortController()
      return gate.enter({ peer, network, deadlineAtMs: now() + lifeMs, signal })
    }
    return { time, gate, enter }
  }

  it('has them all while no other peer is there', () => {
    const { gate, enter } = setting()
    enter('gone').release()
    enter('a')
    enter('a')
    expect(gate.occupancy).toMatchObject({ inFlight: 2, queueDepth: 0 })
  })

  it.each([
    ['peer', 'a', 'net b'],
    ['network', 'another', 'net a'],
  ])('leaves the last one to others that asked, by its %s', (_, peer, others) => {
    const { gate, enter } = setting()
    const held = [enter('a', 'net a'), enter('a', 'net a')]
    enter('b', others === 'net a' ? 'net b' : 'net a').release()
    held[0]?.release()
    enter(peer, 'net a')
    expect(gate.occupancy).toMatchObject({ inFlight: 1, queueDepth: 1 })
    expect(enter('b', 'net b').queuePosition).toBe(0)
    expect(gate.occupancy).toMatchObject({ inFlight: 2, queueDepth: 1 })
  })

  it('leaves the last one to a third, though two hold the others together', async () => {
    const { gate, enter } = setting()
    gate.setSlots(4)
    const hold = (peer: string) => enter(peer, 'one network')
    // The third has asked before, and its request has ended.
    hold('honest').release()
    for (const peer of ['a', 'b', 'a', 'b']) hold(peer)
    expect(gate.occupancy).toMatchObject({ inFlight: 3, queueDepth: 1 })
    await expect(hold('honest').granted).resolves.toBeUndefined()
  })

  it('shares all of them with another while no third is there', () => {
    const { gate, enter } = setting()
    gate.setSlots(4)
    for (const peer of ['a', 'b', 'a', 'b']) enter(peer, 'one network')
    expect(gate.occupancy).toMatchObject({ inFlight: 4, queueDepth: 0 })
  })

  it('gets the last one when the minute is over', async () => {
    const { time, gate, enter } = setting()
    const held = [enter('a'), enter('a')]
    enter('b').release()
    held[0]?.release()
    enter('a')
    expect(gate.occupancy.queueDepth).toBe(1)
    await time.run(60_001)
    expect(gate.occupancy).toMatchObject({ inFlight: 2, queueDepth: 0 })
  })

  it('makes a newcomer’s wait as long as the youngest request has run, and slots contended', async () => {
    const { time, gate, enter } = setting()
    enter('a')
    enter('b')
    time.after(40_000, () => {})
    await time.run(40_000)
    expect(gate.isContendedFor('a')).toBe(false)
    expect(() => enter('c', 'b', 15_000)).toThrow(
      expect.objectContaining({ code: 'over_capacity' }),
    )
    expect(gate.isContendedFor('a')).toBe(true)
    expect(gate.isContendedFor('c')).toBe(false)
    expect(gate.expectedTtftMs).toBe(40_000)
    expect(enter('c', 'b', 41_000).expectedTtftMs).toBe(40_000)
  })
})

describe('lists of peers', () => {
  const id = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'

  it('match a peer in any spelling of its id', () => {
    const cid = peerIdFromString(id).toCID().toString()
    const deny = peerIdSet([`${cid}\n`])
    expect(() => checkAccess({ allow: peerIdSet(), deny }, id)).toThrow('does not serve you')
  })

  it('refuse a peer that the owner denies, as soon as it does', () => {
    const marks = new Map<string, string>()
    const inForce = new InForce({ allow: [id] }, (peer) => marks.get(peer))
    checkAccess(inForce, id)
    marks.set(id, 'denied')
    expect(() => checkAccess(inForce, id)).toThrow('does not serve you')
    marks.set(id, 'trusted')
    inForce.replace({ deny: [id] })
    expect(() => checkAccess(inForce, id)).toThrow('does not serve you')
  })

  it('refuse an invalid peer id, which would exclude no peer', () => {
    expect(() => peerIdSet([id.slice(1)])).toThrow('is not a valid peer ID')
  })
})

describe('turns', () => {
  const stranger = (peer: string, arrival: number, network = 'n') => ({
    ...{ peer, arrival, network, contributes: false, since: 0 },
  })
  const waiting = [stranger('a', 1), stranger('a', 2), stranger('b', 3)]
  const usual = { overloaded: false, strangersTurn: false }

  it('prefers the least recently served peer, then the oldest request', () => {
    expect(nextTurn(waiting, (name) => (name === 'peer a' ? 5 : 4), usual)).toBe(waiting[2])
    expect(nextTurn(waiting, () => 0, usual)).toBe(waiting[0])
    expect(nextTurn(waiting, () => 0, { ...usual, overloaded: true })).toBe(waiting[2])
    expect(nextTurn([], () => 0, usual)).toBeUndefined()
  })

  it('lets networks take turns, however many peers one has', () => {
    const crowd = Array.from({ length: 9 }, (_, n) => stranger(`sybil-${n}`, n))
    const lone = stranger('lone', 20, 'elsewhere')
    const turns = (name: string) => (name === 'network n' ? 3 : undefined)
    expect(nextTurn([...crowd, lone], turns, usual)).toBe(lone)
  })

  it('puts contributors first, except when it is a stranger’s turn', () => {
    const contributor = { ...stranger('c', 9), contributes: true }
    expect(nextTurn([...waiting, contributor], () => 0, usual)).toBe(contributor)
    const theirs = { ...usual, strangersTurn: true }
    expect(nextTurn([...waiting, contributor], () => 0, theirs)).toBe(waiting[0])
    expect(nextTurn([contributor], () => 0, theirs)).toBe(contributor)
  })

  it('gives a new identity no advantage over its old one', () => {
    const fresh = { ...stranger('fresh', 9), since: 7 }
    const turns = (name: string) => (name === 'peer a' ? 6 : undefined)
    expect(nextTurn([fresh, stranger('a', 10)], turns, usual)?.peer).toBe('a')
  })

  it('evicts no request for a peer that holds as much', () => {
    const who = (peer: string, network = 'n') => ({ peer, network, contributes: false })
    expect(givesWay(waiting, who('c'), ONE_IN)).toBe(waiting[1])
    expect(givesWay(waiting, who('b'), ONE_IN)).toBeUndefined()
    expect(givesWay(waiting, who('a'), ONE_IN)).toBeUndefined()
    expect(givesWay(waiting, who('c', 'elsewhere'), ONE_IN)).toBe(waiting[2])
  })

  it('evicts strangers for a contributor, and contributors for a stranger, so that strangers hold a fifth', () => {
    const contributor = { peer: 'c', network: 'm', contributes: true }
    expect(givesWay(waiting, contributor, ONE_IN)).toBe(waiting[2])
    const served = Array.from({ length: 10 }, (_, n) => ({
      ...stranger(`c${n}`, n),
      contributes: true,
    }))
    const two = waiting.slice(0, 2)
    const newcomer = { ...contributor, contributes: false }
    expect(givesWay([...two, ...served.slice(2)], contributor, ONE_IN)).toBeUndefined()
    expect(givesWay([...two, ...served.slice(2)], newcomer, ONE_IN)).toBe(two[1])
    expect(givesWay([...two.slice(1), ...served.slice(1)], newcomer, ONE_IN)).toBe(served[9])
    expect(givesWay(served, newcomer, ONE_IN)).toBe(served[9])
    // A fifth of so few rounds down to zero.
    expect(givesWay(served.slice(0, 4), newcomer, ONE_IN)).toBeUndefined()
  })

  it.each([1, 2, 3, 4])(
    'give strangers one in five of %d slots while contributors flood',
    async (slots) => {
      const gate = gateAt({ nowMs: 0 }, slots, 64)
      const { signal } = new AbortController()
      const running: { readonly end: () => void }[] = []
      const turns: boolean[] = []
      // Each asks again as soon as it was served.
      const ask = (peer: string, contributes: boolean): void => {
        const ticket = gate.enter({ peer, network: peer, contributes, deadlineAtMs: FAR, signal })
        void ticket.granted.then(() => {
          turns.push(contributes)
          running.push({
            end: () => {
              ask(peer, contributes)
              ticket.release()
            },
          })
        })
      }
      for (let n = 0; n < slots + 2; n += 1) ask(`giver-${n}`, true)
      for (let n = 0; n < 6; n += 1) ask(`stranger-${n}`, false)
      for (let n = 0; n < 500; n += 1) {
        await turn()
        running.shift()?.end()
      }
      const strangers = turns.filter((contributes) => !contributes).length
      expect(strangers / turns.length).toBeCloseTo(1 / ONE_IN, 1)
      expect(gate.occupancy.inFlight).toBe(slots)
    },
  )
})

describe('the last slot', () => {
  const setting = (slots = 2) => {
    const time = new VirtualClock()
    const gate = new Gate({
      slots,
      maxQueue: 10,
      now: time.now,
      after: time.after,
    })
    const { signal } = new AbortController()
    const order: string[] = []
    const enter = (peer: string, contributes: boolean, deadlineAtMs = FAR) => {
      const ticket = gate.enter({ peer, contributes, deadlineAtMs, signal })
      ticket.granted.then(
        () => order.push(peer),
        ({ code }) => order.push(`${peer}: ${code}`),
      )
      return ticket
    }
    const passes = (ms: number): Promise<void> => {
      time.after(ms, () => {})
      return time.run(time.now() + ms)
    }
    return { time, gate, order, enter, passes }
  }

  it('is kept for contributors while they are around, and no longer', async () => {
    const { gate, order, enter, passes } = setting()
    enter('giver', true).release()
    enter('first', false)
    enter('second', false)
    await passes(59_000)
    expect(order).toEqual(['giver', 'first'])
    const again = enter('giver', true)
    await passes(0)
    expect(order).toEqual(['giver', 'first', 'giver'])
    again.release()
    await passes(59_000)
    expect(order).toHaveLength(3)
    // Nothing but time has to pass.
    await passes(1_000)
    expect(order.at(-1)).toBe('second')
    expect(gate.occupancy).toEqual({ inFlight: 2, queueDepth: 0, slots: 2 })
  })

  it('does not count in the load shown to a stranger', () => {
    const { time, gate, enter } = setting()
    const sample = { prefillTokens: 1, prefillMs: 1, decodeTokens: 1, decodeMs: 1 }
    gate.observe({ ...sample, firstTokenMs: 100, serviceMs: 20_000 })
    enter('giver', true).release()
    enter('first', false)
    expect(() => enter('hurried', false, time.now() + 1_000)).toThrow(
      expect.objectContaining({ code: 'over_capacity', retryAfterMs: 20_000 }),
    )
    const patient = enter('patient', false, time.now() + 30_000)
    expect(patient).toMatchObject({ queuePosition: 1, expectedTtftMs: 20_100 })
    expect(enter('giver', true)).toMatchObject({ queuePosition: 0, expectedTtftMs: 100 })
  })

  it('admits a stranger whose deadline allows it to wait until the reservation ends', async () => {
    const { time, gate, order, enter, passes } = setting()
    const sample = { prefillTokens: 1, prefillMs: 1, decodeTokens: 1, decodeMs: 1 }
    gate.observe({ ...sample, firstTokenMs: 100, serviceMs: 200_000 })
    enter('giver', true).release()
    enter('first', false)
    await passes(50_000)
    expect(enter('second', false, time.now() + 11_000).expectedTtftMs).toBe(10_100)
    await passes(10_000)
    expect(order.at(-1)).toBe('second')
  })

  it('does not let the queue behind it grow beyond its bound, and is not full to a contributor', () => {
    const { gate, enter } = setting()
    enter('giver', true)
    for (let n = 0; n < 10; n += 1) enter('stranger', false)
    expect(gate.occupancy).toEqual({ inFlight: 1, queueDepth: 10, slots: 2 })
    expect(gate.isFullFor({ contributes: false })).toBe(true)
    expect(gate.isFullFor({ contributes: true })).toBe(false)
    expect(gate.full).toBe(false)
    expect(gate.occupancyFor({ contributes: false })).toMatchObject({ inFlight: 1, slots: 1 })
    expect(gate.occupancyFor({ contributes: true })).toMatchObject({ inFlight: 1, queueDepth: 0 })
    expect(() => enter('stranger', false)).toThrow(
      expect.objectContaining({ code: 'over_capacity' }),
    )
    expect(enter('another giver', true).queuePosition).toBe(0)
    expect(gate.occupancy).toEqual({ inFlight: 2, queueDepth: 10, slots: 2 })
    expect(gate.full).toBe(true)
    // In the queue strangers hold more than their places: a contributor still gets in.
    expect(gate.isFullFor({ contributes: true })).toBe(false)
    for (let n = 0; n < 8; n += 1) enter(`giver-${n}`, true)
    expect(gate.isFullFor({ contributes: true })).toBe(true)
  })

  it('goes to a stranger when it is a stranger’s turn, though contributors come one by one', async () => {
    const { order, enter, passes } = setting()
    const held = enter('giver', true)
    enter('stranger', false)
    enter('stranger', false)
    for (let n = 0; n < 4; n += 1) {
      const ticket = enter('giver', true)
      await passes(0)
      ticket.release()
    }
    expect(enter('giver', true).queuePosition).toBe(1)
    await passes(0)
    expect(order).toEqual(['giver', 'giver', 'giver', 'giver', 'giver', 'stranger'])
    held.release()
    await passes(0)
    expect(order.at(-1)).toBe('giver')
  })

  it('leaves a stranger a place in a queue that contributors filled', async () => {
    const { order, enter, passes } = setting(1)
    for (let n = 0; n < 11; n += 1) enter(`giver-${n}`, true)
    enter('first', false)
    enter('second', false)
    expect(() => enter('third', false)).toThrow(expect.objectContaining({ code: 'over_capacity' }))
    expect(() => enter('giver-11', true)).toThrow(
      expect.objectContaining({ code: 'over_capacity' }),
    )
    await passes(0)
    expect(order).toEqual(['giver-0', 'giver-10: over_capacity', 'giver-9: over_capacity'])
  })

  it('keeps no timer once the queue is empty', async () => {
    const armed = new Set<() => void>()
    const after = (_: number, run: () => void) => {
      armed.add(run)
      return { [Symbol.dispose]: () => void armed.delete(run) }
    }
    const gate = new Gate({ slots: 2, maxQueue: 10, now: () => 0, after })
    const { signal } = new AbortController()
    const enter = (contributes: boolean) =>
      gate.enter({ peer: 'p', contributes, deadlineAtMs: FAR, signal })
    enter(true).release()
    const running = enter(false)
    expect(armed.size).toBe(0)
    const waiting = enter(false)
    expect(armed.size).toBe(1)
    enter(false).release()
    expect(armed.size).toBe(1)
    waiting.release()
    expect(armed.size).toBe(0)
    running.release()
    await gate.idle()
  })
})

describe('fairness', () => {
  it('counts a peer as contributor until it took what its owner gave, and again after a time', () => {
    const clock = { nowMs: 0 }
    const given = (peer: string) => (peer === 'giver' ? 1_000 : 0)
    const fairness = new Fairness({ given, now: () => clock.nowMs })
    expect(fairness.contributes('giver')).toBe(true)
    expect(fairness.contributes('stranger')).toBe(false)
    expect(fairness.debtRatio('stranger')).toBe(Number.POSITIVE_INFINITY)
    fairness.served('giver', 1_500)
    expect(fairness.debtRatio('giver')).toBe(1.5)
    expect(fairness.contributes('giver')).toBe(false)
    clock.nowMs = 86_400_000
    expect(fairness.contributes('giver')).toBe(true)
  })
})

describe('the estimate', () => {
  it('is zero while a slot is free', () => {
    const measured = { ...UNMEASURED, firstTokenMs: 100, serviceMs: 1_000 }
    expect(predictedWaitMs({ inFlight: 1, queueDepth: 0, slots: 2 }, measured)).toBe(0)
    expect(predictedWaitMs({ inFlight: 2, queueDepth: 0, slots: 2 }, measured)).toBe(500)
    expect(predictedWaitMs({ inFlight: 2, queueDepth: 3, slots: 2 }, measured)).toBe(2_000)
  })
})

describe('token buckets', () => {
  const rate = { perSecond: 10, burst: 3 }

  it('never give more than the burst and what flowed in', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 50 }), (waits) => {
        let state = fullBucket(rate, 0)
        let nowMs = 0
        let taken = 0
        for (const wait of waits) {
          nowMs += wait
          const next = takeOne(state, rate, nowMs)
          state = next.state
          expect(next.waitMs > 0).toBe(!next.taken)
          taken += Number(next.taken)
        }
        expect(taken).toBeLessThanOrEqual(rate.burst + (nowMs * rate.perSecond) / 1_000 + 1e-6)
      }),
    )
  })

  it('return the exact time until a debt is paid', () => {
    const { state, waitMs } = charge(fullBucket(rate, 0), rate, 0, 5)
    expect(waitMs).toBe(200)
    expect(charge(state, rate, 200, 0).waitMs).toBe(0)
    expect(charge(state, rate, 100, 0).waitMs).toBe(100)
  })

  it('give no credit for a clock that went back', () => {
    const { state } = charge(fullBucket(rate, 1_000), rate, 1_000, 3)
    expect(takeOne(state, rate, 0).taken).toBe(false)
  })
})

describe('the pacer', () => {
  it('waits as the ceiling requires, over all answers together', () => {
    const pacer = new Pacer({ tokensPerSecond: 40, now: () => 0 })
    expect(pacer.charge(10)).toBe(0)
    expect(pacer.charge(4)).toBe(100)
    expect(pacer.charge(4)).toBe(200)
    expect(new Pacer({ tokensPerSecond: 0, now: () => 0 }).charge(1e9)).toBe(0)
  })

  it('stops waiting with the reason of the signal', async () => {
    const pacer = new Pacer({ tokensPerSecond: 1, now: () => 0 })
    const controller = new AbortController()
    const paced = pacer.pace(1_000, controller.signal)
    controller.abort(new Error('gone'))
    await expect(paced).rejects.toThrow('gone')
  })
})

describe('bounds on memory', () => {
  it('releases each stream of a peer once', () => {
    const init = { maxStreams: 1, rate: { perSecond: 1, burst: 9 }, maxPeers: 10 }
    const ledger = new PeerLedger({ ...init, now: () => 0 })
    const leave = ledger.open('peer')
    leave()
    leave()
    ledger.open('peer')
    expect(() => ledger.open('peer')).toThrow(expect.objectContaining({ code: 'rate_limited' }))
  })

  it('evicts peers beyond its bound, never those with open streams', () => {
    const init = { maxStreams: 1, rate: { perSecond: 1, burst: 1 }, maxPeers: 10 }
    const ledger = new PeerLedger({ ...init, now: () => 0 })
    ledger.open('kept')
    for (let index = 0; index < 1_000; index += 1) ledger.open(`peer ${index}`)()
    expect(ledger.size).toBeLessThanOrEqual(20)
    expect(() => ledger.open('kept')).toThrow(expect.objectContaining({ code: 'rate_limited' }))
  })
})
