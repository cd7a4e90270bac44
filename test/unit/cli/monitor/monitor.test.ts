import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
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

function connected(url = ''): Socket {
  const { port, hostname } = new URL(url)
  return connect(Number(port), hostname).on('error', () => {})
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

  it('answers what a connection asks at once one after the other', async () => {
    const registry = new Registry()
    let running = 0
    let most = 0
    const collect = async (): Promise<void> => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
    }
    new Gauge({ name: 'skein_slow', help: 'Takes a turn', registers: [registry], collect })
    await using monitor = await serveMonitor({ httpPort: 0 }, { registry, readiness: () => READY })
    const socket = connected(monitor.url)
    let answers = 0
    const all = new Promise<void>((resolve) => {
      socket.on('data', (bytes) => {
        answers += String(bytes).split('HTTP/1.1 200 ').length - 1
        if (answers === 100) resolve()
      })
    })
    socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100))
    await all
    socket.destroy()
    expect(most).toBe(1)
  })

  it('answers while others hold silent connections', async () => {
    const monitored = { registry: new Registry(), readiness: () => READY }
    await using monitor = await serveMonitor({ httpPort: 0 }, monitored)
    const silent: Socket[] = []
    for (let n = 0; n < 200; n += 1) {
      const socket = connected(monitor.url)
      silent.push(socket)
      await once(socket, 'connect')
    }
    expect((await httpRequest(new URL('/healthz', monitor.url))).status).toBe(200)
    for (const socket of silent) socket.destroy()
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
