import { expect, it } from 'vitest'
import { merged } from '../../../../console/page/merged-requests.ts'
import { drawnRows } from '../../../../console/page/views/drawn-rows.ts'
import type { RequestView } from '../../../../console/state.ts'

const request = (requestId: string, status = 'ended'): RequestView =>
  ({ requestId, status }) as RequestView
const many = (count: number): RequestView[] =>
  Array.from({ length: count }, (_, n) => request(`r${n}`))

it('keeps a running request in its place, however many begin after it', () => {
  const all = merged([...many(999), request('long', 'running')], [request('a'), request('b')])
  expect(all).toHaveLength(1_000)
  expect(all.at(-1)?.requestId).toBe('long')
  expect(all.slice(0, 2).map(({ requestId }) => requestId)).toEqual(['a', 'b'])
})

it.each([
  ['r1', ['gap 1', 'r1', 'gap 3', 'r5', 'r6', 'gap 3']],
  ['r5', ['gap 5', 'r5', 'r6', 'gap 3']],
  ['r9', ['gap 5', 'r5', 'r6', 'gap 2', 'r9']],
  [undefined, ['gap 5', 'r5', 'r6', 'gap 3']],
])('draws the row that has the focus: %s', (focused, drawn) => {
  const rows = drawnRows(many(10), { first: 5, end: 7, focused })
  expect(rows.map((row) => ('rows' in row ? `gap ${row.rows}` : row.requestId))).toEqual(drawn)
})
