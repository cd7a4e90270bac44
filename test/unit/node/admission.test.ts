import { getEventListeners } from 'node:events'
import { peerIdFromString } from '@libp2p/peer-id'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { predictedTtftMs, predictedWaitMs, UNMEASURED } from '../../../node/admission/estimate.ts'
import {
  ByteBudget,
  checkAccess,
  Fairness,
  Gate,
  Pacer,
  PeerLedger,
  peerIdSet,
} from '../../../node/admission/index.ts'
import { charge, fullBucket, takeOne } from '../../../node/admission/token-bucket.ts'
import { givesWay, nextTurn } from '../../../node/admission/turn.ts'

const FAR = 1e12

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

  it('lets peers take turns, so that a flood of one does not hold up another', async () => {
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

  it('drops those whose time has passed when it looks for the next', async () => {
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

  it('refuses when the predicted wait is longer than the request has, and says when to come back', () => {
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

  it('makes room in a full queue at the cost of the peer that holds the most', async () => {
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

  it('uses slots that the engine gained', async () => {
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
        fc.record({
          do: fc.constant('enter' as const),
          peer: fc.constantFrom('a', 'b', 'c'),
          lifeMs: fc.nat(50),
          contributes: withContributors ? fc.boolean() : fc.constant(false),
        }),
        fc.record({ do: fc.constant('release' as const), index: fc.nat(20) }),
        fc.record({ do: fc.constant('abort' as const), index: fc.nat(20) }),
        fc.record({ do: fc.constant('wait' as const), ms: fc.nat(30) }),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
          const clock = { nowMs: 0 }
          const gate = gateAt(clock, 2, 3)
          const held: { release(): void; controller: AbortController }[] = []
          for (const step of commands) {
            if (step.do === 'enter') {
              const controller = new AbortController()
              const request = {
                peer: step.peer,
                contributes: step.contributes,
                deadlineAtMs: clock.nowMs + step.lifeMs,
                signal: controller.signal,
              }
              try {
                held.push({ ...gate.enter(request), controller })
              } catch (error) {
                expect(error).toMatchObject({ name: 'InferenceError' })
              }
            } else if (step.do === 'wait') clock.nowMs += step.ms
            else if (step.do === 'release') held[step.index]?.release()
            else held[step.index]?.controller.abort()
            const { inFlight, queueDepth } = gate.occupancy
            expect(inFlight).toBeLessThanOrEqual(2)
            expect(queueDepth).toBeLessThanOrEqual(3)
            // Nobody waits beside a free slot, but strangers for the one that is kept.
            expect(queueDepth > 0 && inFlight < (withContributors ? 1 : 2)).toBe(false)
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

describe('lists of peers', () => {
  const id = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'

  it('know a peer however its id was spelled', () => {
    const cid = peerIdFromString(id).toCID().toString()
    const deny = peerIdSet([`${cid}\n`])
    expect(() => checkAccess({ allow: peerIdSet(), deny }, id)).toThrow('does not serve you')
  })

  it('refuse what is no peer id, for it would keep nobody out', () => {
    expect(() => peerIdSet([id.slice(1)])).toThrow('is no peer id')
  })
})

describe('turns', () => {
  const stranger = (peer: string, arrival: number, network = 'n') => ({
    ...{ peer, arrival, network, contributes: false, since: 0 },
  })
  const waiting = [stranger('a', 1), stranger('a', 2), stranger('b', 3)]
  const usual = { overloaded: false, strangersTurn: false }

  it('prefers the peer whose last turn is the longest ago, then the oldest', () => {
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

  it('gives a new identity nothing that its old one did not have', () => {
    const fresh = { ...stranger('fresh', 9), since: 7 }
    const turns = (name: string) => (name === 'peer a' ? 6 : undefined)
    expect(nextTurn([fresh, stranger('a', 10)], turns, usual)?.peer).toBe('a')
  })

  it('lets nobody give way to a peer that holds as much', () => {
    const who = (peer: string, network = 'n') => ({ peer, network, contributes: false })
    expect(givesWay(waiting, who('c'))).toBe(waiting[1])
    expect(givesWay(waiting, who('b'))).toBeUndefined()
    expect(givesWay(waiting, who('a'))).toBeUndefined()
    expect(givesWay(waiting, who('c', 'elsewhere'))).toBe(waiting[2])
  })

  it('lets strangers give way to a contributor, down to their floor', () => {
    const contributor = { peer: 'c', network: 'm', contributes: true }
    expect(givesWay(waiting, contributor)).toBe(waiting[2])
    const served = Array.from({ length: 8 }, (_, n) => ({
      ...stranger(`c${n}`, n),
      contributes: true,
    }))
    expect(givesWay([...waiting.slice(0, 2), ...served], contributor)).toBeUndefined()
    const mine = { ...contributor, contributes: false }
    expect(givesWay(served, mine)).toBeUndefined()
  })

  it('keep a floor for strangers while contributors flood', async () => {
    const gate = gateAt({ nowMs: 0 }, 1, 64)
    const order: boolean[] = []
    const { signal } = new AbortController()
    const tickets = Array.from({ length: 50 }, (_, n) => {
      const contributes = n % 2 === 0
      const peer = contributes ? 'c' : 's'
      const ticket = gate.enter({ peer, contributes, deadlineAtMs: FAR, signal })
      void ticket.granted.then(() => {
        order.push(contributes)
        ticket.release()
      })
      return ticket
    })
    await Promise.all(tickets.map(({ granted }) => granted))
    const whileBothWait = order.slice(0, 25)
    const strangers = whileBothWait.filter((contributes) => !contributes).length
    expect(strangers).toBeGreaterThanOrEqual(4)
    expect(strangers).toBeLessThanOrEqual(6)
  })
})

describe('the last slot', () => {
  const setting = () => {
    const clock = { nowMs: 0 }
    const gate = gateAt(clock, 2, 8)
    const { signal } = new AbortController()
    const order: string[] = []
    const enter = (peer: string, contributes: boolean) => {
      const ticket = gate.enter({ peer, contributes, deadlineAtMs: FAR, signal })
      ticket.granted.then(
        () => order.push(peer),
        () => {},
      )
      return ticket
    }
    return { clock, gate, order, enter }
  }

  it('is kept for contributors while they are around, and no longer', async () => {
    const { clock, gate, order, enter } = setting()
    enter('giver', true).release()
    enter('first', false)
    enter('second', false)
    await turn()
    expect(order).toEqual(['giver', 'first'])
    enter('giver', true)
    await turn()
    expect(order).toEqual(['giver', 'first', 'giver'])
    clock.nowMs = 61_000
    gate.setSlots(3)
    await turn()
    expect(order.at(-1)).toBe('second')
  })

  it('does not let the queue behind it grow beyond its bound', () => {
    const { gate, enter } = setting()
    enter('giver', true)
    for (let n = 0; n < 8; n += 1) enter('stranger', false)
    expect(gate.occupancy).toEqual({ inFlight: 1, queueDepth: 8, slots: 2 })
    expect(gate.full).toBe(true)
    expect(() => enter('stranger', false)).toThrow(
      expect.objectContaining({ code: 'over_capacity' }),
    )
    expect(enter('another giver', true).queuePosition).toBe(0)
    expect(gate.occupancy).toEqual({ inFlight: 2, queueDepth: 8, slots: 2 })
  })

  it('does not have a contributor wait for a stranger whose turn it is', async () => {
    const { gate, order, enter } = setting()
    // Strangers wait, and are passed over until it is their turn.
    const held = enter('giver', true)
    enter('stranger', false)
    enter('stranger', false)
    for (let n = 0; n < 6; n += 1) {
      const ticket = enter('giver', true)
      await turn()
      ticket.release()
    }
    held.release()
    await turn()
    expect(order.filter((peer) => peer === 'giver')).toHaveLength(7)
    expect(gate.occupancy.inFlight).toBeGreaterThan(0)
  })
})

describe('fairness', () => {
  it('knows a contributor until it took what its owner gave, and again after a time', () => {
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
  it('knows no wait while a slot is free', () => {
    const measured = { ...UNMEASURED, firstTokenMs: 100, serviceMs: 1_000 }
    expect(predictedWaitMs({ inFlight: 1, queueDepth: 0, slots: 2 }, measured)).toBe(0)
    expect(predictedTtftMs({ inFlight: 2, queueDepth: 0, slots: 2 }, measured)).toBe(600)
    expect(predictedTtftMs({ inFlight: 2, queueDepth: 3, slots: 2 }, measured)).toBe(2_100)
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

  it('say exactly how long a debt takes', () => {
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
  it('waits as long as the ceiling says, over all answers together', () => {
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
  it('hands out no more bytes than there are, and takes each back once', () => {
    const budget = new ByteBudget(100)
    const free = budget.reserve(60)
    expect(() => budget.reserve(41)).toThrow(expect.objectContaining({ code: 'over_capacity' }))
    budget.reserve(40)
    free()
    free()
    expect(budget.usedBytes).toBe(40)
  })

  it('counts each stream of a peer out once', () => {
    const init = { maxStreams: 1, rate: { perSecond: 1, burst: 9 }, maxPeers: 10 }
    const ledger = new PeerLedger({ ...init, now: () => 0 })
    const leave = ledger.open('peer')
    leave()
    leave()
    ledger.open('peer')
    expect(() => ledger.open('peer')).toThrow(expect.objectContaining({ code: 'rate_limited' }))
  })

  it('forgets peers beyond its bound, never those with streams open', () => {
    const init = { maxStreams: 1, rate: { perSecond: 1, burst: 1 }, maxPeers: 10 }
    const ledger = new PeerLedger({ ...init, now: () => 0 })
    ledger.open('kept')
    for (let index = 0; index < 1_000; index += 1) ledger.open(`peer ${index}`)()
    expect(ledger.size).toBeLessThanOrEqual(20)
    expect(() => ledger.open('kept')).toThrow(expect.objectContaining({ code: 'rate_limited' }))
  })
})
