import { expect, it } from 'vitest'
import { stateEvents } from '../../../console/event-stream.ts'
import { LiveState, type LiveStateInit, type Reader } from '../../../console/live-state.ts'
import { LogBook } from '../../../console/log-book.ts'
import type { JoinView } from '../../../console/state.ts'

const INVITE = 'skein-invite-secret'
const PRIVATE: JoinView = {
  ...{ command: `skein up --invite ${INVITE}`, invite: INVITE, addresses: ['/ip4/192.0.2.1'] },
  code: { size: 1, path: 'M0 0h1' },
}

function stateWith(join: () => JoinView): LiveState {
  const client = {
    host: { libp2p: new EventTarget() },
    swarms: [],
    observe: () => () => {},
    running: () => [],
  } as unknown as LiveStateInit['client']
  return new LiveState({ client, log: new LogBook(), self: () => ({}) as never, join })
}

function joinOf(state: LiveState, reader: Reader): JoinView | undefined {
  const { message } = state.snapshot(reader)
  return message.type === 'snapshot' ? message.state.join : undefined
}

it('shows the invite to readers that may see it only, nor the command and code with it', () => {
  const state = stateWith(() => PRIVATE)
  expect(joinOf(state, { seesInvite: true })).toEqual(PRIVATE)
  const hidden = { addresses: PRIVATE.addresses, isInviteHidden: true }
  expect(joinOf(state, { seesInvite: false })).toEqual(hidden)
  state.close()
})

it('hides it in later messages as well', async () => {
  let join: JoinView = { addresses: [] }
  const state = stateWith(() => join)
  const { seen } = state.snapshot({ seesInvite: false })
  join = PRIVATE
  const next = state.changes(seen, { seesInvite: false })
  expect(next).toBeDefined()
  expect(JSON.stringify(next)).not.toContain(INVITE)
  expect(JSON.stringify(state.changes(seen, { seesInvite: true }))).toContain(INVITE)
  const stop = new AbortController()
  const viewer = { seesInvite: false, isStillAccepted: () => true }
  const events = stateEvents(state, stop.signal, viewer)
  expect((await events.next()).value).not.toContain(INVITE)
  stop.abort()
  await events.return()
  state.close()
})

it('shows how to join a public swarm to every reader', () => {
  const open: JoinView = { command: 'skein up --bootstrap /ip4/192.0.2.1', addresses: [] }
  const state = stateWith(() => open)
  expect(joinOf(state, { seesInvite: false })).toEqual(open)
  state.close()
})
