import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { followSignal } from '../../../timing/index.ts'

it('serves all followers of a signal with one listener, which leaves with the last of them', () => {
  const { signal } = new AbortController()
  const following = Array.from({ length: 100 }, () => followSignal(signal, () => {}))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  for (const one of following) one[Symbol.dispose]()
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

it('calls followers with the reason, and none that has left', () => {
  const controller = new AbortController()
  const heard: unknown[] = []
  followSignal(controller.signal, (reason) => heard.push(reason))
  followSignal(controller.signal, () => heard.push('left'))[Symbol.dispose]()
  followSignal(controller.signal, (reason) => heard.push(reason))
  const reason = new Error('over')
  controller.abort(reason)
  expect(heard).toEqual([reason, reason])
  followSignal(controller.signal, (late) => heard.push(late))
  expect(heard).toEqual([reason, reason, reason])
})
