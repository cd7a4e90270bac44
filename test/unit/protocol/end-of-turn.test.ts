import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, it, vi } from 'vitest'
import { atEndOfTurn } from '../../../protocol/index.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

it('runs what waits at the end of a turn in its order, and after it what that passes on', async () => {
  const ran: string[] = []
  atEndOfTurn(() => {
    ran.push('first')
    atEndOfTurn(() => ran.push('passed on'))
  })
  atEndOfTurn(() => ran.push('second'))
  await Promise.resolve()
  expect(ran).toEqual([])
  await turn()
  expect(ran).toEqual(['first', 'second', 'passed on'])
})

it('waits no longer in a turn that takes long, and for what its caller still adds', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(1_000)
  const ran: string[] = []
  atEndOfTurn(() => ran.push('early'))
  now.mockReturnValue(1_002)
  atEndOfTurn(() => ran.push('in time'))
  await Promise.resolve()
  expect(ran).toEqual([])
  now.mockReturnValue(1_003)
  atEndOfTurn(() => ran.push('late'))
  atEndOfTurn(() => ran.push('added'))
  await Promise.resolve()
  expect(ran).toEqual(['early', 'in time', 'late', 'added'])
  atEndOfTurn(() => ran.push('of the next'))
  await turn()
  expect(ran).toEqual(['early', 'in time', 'late', 'added', 'of the next'])
})
