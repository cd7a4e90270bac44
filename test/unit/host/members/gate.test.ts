import type { Connection, Stream, StreamMiddleware } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { type GateComponents, MembershipGate } from '../../../../host/members/gate.ts'
import { PROTOCOLS } from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'
import { newParty, newScene } from './list-maker.ts'

/** As much of a connection as the gate sees. */
function fakeConnection() {
  const opened: string[] = []
  let aborted: Error | undefined
  const connection = Object.assign(new EventTarget(), {
    newStream: async (protocol: string) => {
      opened.push(protocol)
      return await Promise.resolve({} as Stream)
    },
    abort: (error: Error) => {
      aborted = error
    },
  }) as unknown as Connection
  return { connection, opened, aborted: () => aborted }
}

/** A gate, and the middleware that libp2p would run for a protocol. */
function openGate(clock = new VirtualClock()) {
  const registrar = { getMiddleware: (_: string): StreamMiddleware[] => [] }
  const events = new EventTarget()
  const gate = new MembershipGate(clock)
  gate.attach({ registrar, events } as unknown as GateComponents)
  const passes = async (protocol: string, connection: Connection): Promise<void> => {
    for (const run of registrar.getMiddleware(protocol)) {
      await new Promise<void>((resolve, reject) => {
        Promise.resolve(run({} as Stream, connection, () => resolve())).catch(reject)
      })
    }
  }
  const open = (connection: Connection): void => {
    events.dispatchEvent(new CustomEvent('connection:open', { detail: connection }))
  }
  return { clock, gate, passes, open }
}

async function certificateFor(role: 'client' | 'node') {
  const { owner, certify } = await newScene()
  return { certificate: await certify(owner, await newParty(), { role }) }
}

describe('the gate', () => {
  it('holds every stream but those of the membership protocol until the proof', async () => {
    const { gate, passes, open } = openGate()
    const { connection, opened } = fakeConnection()
    open(connection)
    await passes(PROTOCOLS.membership, connection)
    await gate.newStream(connection, PROTOCOLS.membership, {})
    const passed: string[] = []
    const waiting = ['/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', PROTOCOLS.kad, '/any/1.0.0'].map(
      async (protocol) => {
        await passes(protocol, connection)
        passed.push(protocol)
      },
    )
    const out = connection.newStream(PROTOCOLS.probe)
    await Promise.resolve()
    expect({ passed, opened }).toEqual({ passed: [], opened: [PROTOCOLS.membership] })
    gate.admit(connection, await certificateFor('node'))
    await Promise.all([...waiting, out])
    expect(passed).toHaveLength(4)
    expect(opened).toEqual([PROTOCOLS.membership, PROTOCOLS.probe])
  })

  it('closes a connection without a proof after 15 seconds', async () => {
    const { clock, passes, open } = openGate()
    const { connection, aborted } = fakeConnection()
    open(connection)
    const held = passes(PROTOCOLS.kad, connection).catch((error: unknown) => error)
    await clock.advance(14_999)
    expect(aborted()).toBeUndefined()
    await clock.advance(1)
    expect(aborted()).toMatchObject({ code: 'stalled' })
    expect(await held).toMatchObject({ code: 'stalled' })
  })

  it('refuses more streams than may wait', async () => {
    const { passes, open } = openGate()
    const { connection } = fakeConnection()
    open(connection)
    const held = Array.from({ length: 64 }, () => passes(PROTOCOLS.kad, connection))
    await expect(passes(PROTOCOLS.kad, connection)).rejects.toMatchObject({
      code: 'over_capacity',
    })
    expect(held).toHaveLength(64)
  })

  it('lets nothing pass after a refusal', async () => {
    const { gate, passes, open } = openGate()
    const { connection } = fakeConnection()
    open(connection)
    gate.admit(connection, await certificateFor('node'))
    gate.refuse(connection, new Error('revoked'))
    await expect(passes(PROTOCOLS.kad, connection)).rejects.toThrow()
    await expect(connection.newStream(PROTOCOLS.kad)).rejects.toThrow()
  })

  it('asks no client to serve', async () => {
    const { gate, open } = openGate()
    const { connection } = fakeConnection()
    open(connection)
    gate.admit(connection, await certificateFor('client'))
    await expect(connection.newStream(PROTOCOLS.inference)).rejects.toMatchObject({
      code: 'dial_failed',
    })
    await connection.newStream(PROTOCOLS.advertisement)
  })
})
