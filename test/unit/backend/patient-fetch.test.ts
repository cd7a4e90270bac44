import { afterEach, expect, it } from 'vitest'
import { createOpenAiBackend } from '../../../backend/index.ts'

const DISPATCHER = Symbol.for('undici.globalDispatcher.1')
const globals = globalThis as unknown as Record<symbol, unknown>
void globalThis.Response
const before = globals[DISPATCHER]

afterEach(() => {
  globals[DISPATCHER] = before
})

it('calls to engines have no limits of the platform’s own, and go the way that the process has set', async () => {
  const seen: object[] = []
  globals[DISPATCHER] = {
    dispatch: (options: object) => {
      seen.push(options)
      throw new Error('a proxy that is down')
    },
  }
  await using backend = createOpenAiBackend({ baseUrl: 'http://engine' })
  await expect(backend.models()).rejects.toMatchObject({ code: 'engine_failed' })
  expect(seen[0]).toMatchObject({ origin: 'http://engine', headersTimeout: 0, bodyTimeout: 0 })
})
