import { Gauge, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { type Readiness, serveMonitor } from '../../../../cli/monitor/index.ts'
import { httpRequest } from '../../../../testing/index.ts'

const READY: Readiness = { ready: true }

async function ask(path: string, { readiness = READY, method = 'GET', host = '' } = {}) {
  const registry = new Registry()
  new Gauge({ name: 'skein_example', help: 'An example', registers: [registry] }).set(7)
  await using monitor = await serveMonitor(
    { httpPort: 0 },
    { registry, readiness: () => readiness },
  )
  const options = { method, ...(host !== '' && { headers: { host } }) }
  return await httpRequest(new URL(path, monitor.url), options)
}

describe('the monitoring server', () => {
  it('serves metrics and health on a loopback port', async () => {
    expect(await ask('/metrics')).toMatchObject({
      status: 200,
      text: expect.stringContaining('skein_example 7'),
    })
    expect((await ask('/healthz')).status).toBe(200)
    expect((await ask('/health')).status).toBe(200)
  })

  it('is not ready for the reason that it gives', async () => {
    expect((await ask('/readyz')).status).toBe(200)
    const answer = await ask('/readyz', {
      readiness: { ready: false, reason: 'the engine does not answer yet' },
    })
    expect(answer.status).toBe(503)
    expect(answer.text).toContain('the engine does not answer yet')
  })

  it('refuses names that web pages could point here, other paths and other methods', async () => {
    expect((await ask('/metrics', { host: 'attacker.example' })).status).toBe(421)
    expect((await ask('/metrics', { host: 'localhost:4820' })).status).toBe(200)
    expect((await ask('/metrics', { host: '[::1]:4820' })).status).toBe(200)
    expect((await ask('/other')).status).toBe(404)
    expect((await ask('/metrics', { method: 'POST' })).status).toBe(405)
  })

  it('names the option for a port in use, and does not exist without one', async () => {
    const monitored = { registry: new Registry(), readiness: () => READY }
    await using first = await serveMonitor({ httpPort: 0 }, monitored)
    const port = Number(new URL(first.url ?? '').port)
    await expect(serveMonitor({ httpPort: port }, monitored)).rejects.toThrow('--http-port')
    await using none = await serveMonitor({}, monitored)
    expect(none.url).toBeUndefined()
  })
})
