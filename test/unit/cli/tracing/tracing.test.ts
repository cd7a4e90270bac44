import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openTracing, tracedClient } from '../../../../cli/tracing/index.ts'
import { otelSettings } from '../../../../cli/tracing/otel-settings.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'

const SECRET = 'a secret question'
const body = { model: 'm', messages: [{ role: 'user', content: SECRET }] } as const
const CALLER = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) }

interface Span {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly code?: number }
  readonly attributes: readonly { readonly key: string; readonly value: object }[]
}

/** A collector of OTLP over HTTP, and the log of a process that sends to it. */
async function collector(status = 200) {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      if (request.url === '/v1/traces') bodies.push(Buffer.concat(parts).toString())
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const lines: string[] = []
  const open = async (role: string, env: Record<string, string> = {}) => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}/` }
    return await openTracing(
      {
        env: { ...endpoint, ...env },
        version: '1.2.3',
        terminal: { log: (line: string) => void lines.push(line) } as never,
      },
      role,
    )
  }
  const resources = () =>
    bodies.flatMap((text) => JSON.parse(text).resourceSpans as { resource: object }[])
  const spans = (): readonly Span[] =>
    bodies.flatMap((text) =>
      JSON.parse(text).resourceSpans.flatMap((one: { scopeSpans: { spans: Span[] }[] }) =>
        one.scopeSpans.flatMap((scope) => scope.spans),
      ),
    )
  return { open, spans, resources, lines, bodies }
}

const attributesOf = (span: Span | undefined): Record<string, unknown> =>
  Object.fromEntries(span?.attributes.map(({ key, value }) => [key, Object.values(value)[0]]) ?? [])

describe('traces', () => {
  it('show a request, its attempts and the node that served it, in one tree, without its text', async () => {
    const { open, spans, resources, bodies, lines } = await collector()
    const gateway = await open('gateway')
    const node = await open('node')
    const failing = { fault: { type: 'throw', error: new InferenceError('engine_failed', SECRET) } }
    const swarm = await ScriptedSwarm.create([{ scripts: [failing as never] }, {}], {
      isPrivate: true,
      ...tracedClient(gateway),
    })
    onTestFinished(() => swarm[Symbol.asyncDispose]())
    const traceparent = `00-${CALLER.traceId}-${CALLER.spanId}-01`
    await swarm.swarm.requester.chat(body, { traceparent })
    for (const { served } of swarm.peers) for (const request of served) node?.served(request)
    await gateway?.[Symbol.asyncDispose]()
    await node?.[Symbol.asyncDispose]()

    const all = spans()
    expect(new Set(all.map(({ traceId }) => traceId))).toEqual(new Set([CALLER.traceId]))
    const named = (name: string): Span | undefined => all.find((span) => span.name === name)
    const [whole] = all.filter(({ parentSpanId }) => parentSpanId === CALLER.spanId)
    expect(whole).toMatchObject({ name: 'chat m', kind: 3 })
    expect(attributesOf(whole)).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'skein',
      'gen_ai.request.model': 'm',
      'gen_ai.response.model': 'm',
      'gen_ai.usage.input_tokens': expect.anything(),
      'gen_ai.usage.output_tokens': expect.anything(),
      'gen_ai.response.time_to_first_chunk': expect.anything(),
      'skein.request.attempts': 2,
    })
    for (const [attempt, outcome] of [
      ['attempt first', 'engine_failed'],
      ['attempt retry', 'answered'],
    ] as const) {
      const span = named(attempt)
      expect(span).toMatchObject({ kind: 3, parentSpanId: whole?.spanId })
      expect(attributesOf(span)).toMatchObject({ 'skein.attempt.outcome': outcome })
      const served = all.find(({ parentSpanId }) => parentSpanId === span?.spanId)
      expect(served).toMatchObject({ name: 'chat m', kind: 2 })
      expect(served?.status.code ?? 0).toBe(outcome === 'answered' ? 0 : 2)
      expect(attributesOf(served)['error.type']).toBe(
        outcome === 'answered' ? undefined : 'engine_failed',
      )
    }
    expect(all).toHaveLength(5)
    for (const { startTimeUnixNano, endTimeUnixNano } of all) {
      expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano))
    }
    expect(JSON.stringify(resources().map(({ resource }) => resource))).toContain('skein-gateway')
    expect(bodies.join()).not.toContain(SECRET)
    expect(lines).toEqual([])
  })

  it('are told no peer of a public swarm', async () => {
    const swarm = await ScriptedSwarm.create([{}], { traces: 1 })
    onTestFinished(() => swarm[Symbol.asyncDispose]())
    const records: object[] = []
    swarm.swarm.requester.observe((record) => records.push(record))
    await swarm.swarm.requester.chat(body, {})
    expect(records).toMatchObject([{ trace: { isSampled: true } }])
    expect(swarm.peers[0]?.served).toMatchObject([{ outcome: 'answered' }])
    expect(swarm.peers[0]?.served[0]).not.toHaveProperty('trace')
  })

  it.each([
    ['the caller does not record', '00', 1, 0],
    ['the client records none, but the caller does', '01', undefined, 1],
  ] as const)('are passed on where %s', async (_, flags, traces, sampled) => {
    const init = traces === undefined ? {} : { traces }
    const swarm = await ScriptedSwarm.create([{}], { isPrivate: true, ...init })
    onTestFinished(() => swarm[Symbol.asyncDispose]())
    const records: object[] = []
    swarm.swarm.requester.observe((record) => records.push(record))
    const traceparent = `00-${CALLER.traceId}-${CALLER.spanId}-${flags}`
    await swarm.swarm.requester.chat(body, { traceparent })
    expect(records[0]).not.toHaveProperty('trace')
    expect(swarm.peers[0]?.served).toMatchObject([
      { trace: { ...CALLER, isSampled: sampled === 1 } },
    ])
  })

  it('that do not reach the collector are reported once, and hold nothing up', async () => {
    const { open, lines } = await collector(400)
    const tracing = await open('gateway')
    const swarm = await ScriptedSwarm.create([{}], tracedClient(tracing))
    onTestFinished(() => swarm[Symbol.asyncDispose]())
    await swarm.swarm.requester.chat(body, {})
    await tracing?.[Symbol.asyncDispose]()
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('traces do not reach the collector')
  })
})

describe('OpenTelemetry’s variables', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318'

  it.each(['not a url', 'localhost/v1/traces', 'collector:4318', 'file:///tmp/traces'])(
    'are off, and said to be, with the endpoint %s',
    async (endpoint) => {
      for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) {
        const lines: string[] = []
        const tracing = await openTracing(
          {
            env: { [name]: endpoint },
            version: '1.2.3',
            terminal: { log: (line: string) => void lines.push(line) } as never,
          },
          'gateway',
        )
        expect(tracing).toBeUndefined()
        expect(lines).toEqual([expect.stringContaining(endpoint)])
      }
    },
  )

  it('turn traces on by naming a collector, and off again', () => {
    expect(otelSettings({})).toBeUndefined()
    expect(otelSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' })).toBeUndefined()
    expect(otelSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' })).toBeUndefined()
    expect(
      otelSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }),
    ).toBeUndefined()
    expect(otelSettings({ OTEL_EXPORTER_OTLP_ENDPOINT })).toEqual({
      ...{ url: 'http://collector:4318/v1/traces', share: 1, ignored: [] },
    })
    const OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = 'http://other/path'
    const both = { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT }
    expect(otelSettings(both)?.url).toBe('http://other/path')
  })

  it.each([
    [{ OTEL_TRACES_SAMPLER: 'always_off' }, 0, 0],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' }, 0.25, 0],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: 'many' }, 1, 1],
    [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, 1, 1],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 1, 1],
  ])('%j are followed, or said to be ignored', (more, share, ignored) => {
    const settings = otelSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, ...more })
    expect(settings?.share).toBe(share)
    expect(settings?.ignored).toHaveLength(ignored)
  })
})
