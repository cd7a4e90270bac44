import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type BatchRequest, type BatchResult, openReputation } from '../../client/index.ts'
import { Batches } from '../../gateway/batches/index.ts'
import { GATEWAY_LIMITS } from '../../gateway/defaults.ts'
import type { GatewayClient } from '../../gateway/gateway-client.ts'
import { createGateway, type Gateway } from '../../gateway/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import { canMount, openSmallDisk, type SmallDisk } from '../../testing/full-disk.ts'
import { LiveSwarm } from '../../testing/swarms/live-swarm.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'

const body = { model: 'm', max_tokens: 20, messages: [{ role: 'user', content: 'Count to 5.' }] }
const JSON_HEADERS = { 'content-type': 'application/json' }
const line = (id: number): string =>
  JSON.stringify({ custom_id: `c${id}`, method: 'POST', url: '/v1/chat/completions', body })

async function call(gateway: Gateway, path: string, init: RequestInit = {}) {
  const response = await gateway.fetch(`http://gateway${path}`, init)
  const text = await response.text()
  return { status: response.status, text, json: JSON.parse(text) }
}

const upload = (gateway: Gateway) => {
  const form = new FormData()
  form.set('purpose', 'batch')
  form.set('file', new Blob([`${[1, 2, 3].map(line).join('\n')}\n`]), 'a.jsonl')
  return call(gateway, '/v1/files', { method: 'POST', body: form })
}
const create = (gateway: Gateway, id: string) =>
  call(gateway, '/v1/batches', {
    method: 'POST',
    headers: JSON_HEADERS,
    body: JSON.stringify({
      input_file_id: id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    }),
  })

describe.skipIf(!canMount())('on a full disk', { timeout: 60_000 }, () => {
  it('a gateway answers, names the disk without a path, and stores again once there is room', async () => {
    await using disk = await openSmallDisk()
    await using swarm = await LiveSwarm.create()
    await swarm.node()
    const logged: string[] = []
    const log = (message: string): void => void logged.push(message)
    const gateway = createGateway(await swarm.client({ dataDir: join(disk.path, 'client') }), {
      stateDir: join(disk.path, 'state'),
      log,
    })
    const { json: file } = await upload(gateway)
    disk.fill()
    const chat = { method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(body) }
    expect(await call(gateway, '/v1/chat/completions', chat)).toMatchObject({ status: 200 })
    const refused = [await upload(gateway), await create(gateway, file.id)]
    for (const { status, json, text } of refused) {
      expect(status).toBe(503)
      expect(json.error).toMatchObject({ code: 'over_capacity' })
      expect(json.error.message).toContain('the disk is full')
      expect(text).not.toContain(disk.path)
    }
    expect(logged.join('\n')).toContain('the disk is full (ENOSPC')
    expect(logged.join('\n')).not.toMatch(/^\s+at /m)
    // Nothing of it is left.
    expect((await call(gateway, '/v1/batches')).json.data).toEqual([])
    expect(await readdir(join(disk.path, 'state', 'content'))).toHaveLength(1)
    disk.free()
    const { json: batch } = await create(gateway, file.id)
    await expect
      .poll(async () => (await call(gateway, `/v1/batches/${batch.id}`)).json.status, {
        timeout: 30_000,
      })
      .toBe('completed')
    await gateway.close()
  })

  it('hosts start, with the identity that they have or with one that is not kept', async () => {
    await using disk = await openSmallDisk()
    await using swarm = await LiveSwarm.create()
    const faults: string[] = []
    const onFault = (message: string): void => void faults.push(message)
    const dataDir = join(disk.path, 'kept')
    const first = await swarm.client({ dataDir })
    const id = first.host.peerId.toString()
    await first.close()
    disk.fill()
    const again = await swarm.client({ dataDir, onFault })
    expect(again.host.peerId.toString()).toBe(id)
    await again.close()
    const fresh = await swarm.client({ dataDir: join(disk.path, 'fresh'), onFault })
    expect(fresh.host.peerId.toString()).not.toBe(id)
    expect(faults.join('\n')).toContain('this peer has a new identity')
    expect(faults.join('\n')).toContain('the disk is full')
    await fresh.close()
  })

  it('standings stay in memory, and the file is as it was', async () => {
    await using disk = await openSmallDisk()
    const failed = { outcome: 'failed', hardMisses: 0, logRatio: 0 } as const
    let nowMs = 1_700_000_000_000
    const saved = await openReputation(disk.path, () => nowMs++)
    for (let n = 0; n < 3; n += 1) saved.reputation.audited('liar', 'sha256:aa/', failed)
    await saved.save()
    disk.fill()
    for (let n = 0; n < 3; n += 1) saved.reputation.audited('other', 'sha256:aa/', failed)
    await saved.save().catch(() => {})
    const other = await openReputation(disk.path, () => nowMs++)
    expect(other.reputation.isQuarantined('liar', 'sha256:aa/')).toBe(true)
    expect(saved.reputation.isQuarantined('other', 'sha256:aa/')).toBe(true)
    disk.free()
    await saved.save()
    await other.refresh()
    expect(other.reputation.isQuarantined('other', 'sha256:aa/')).toBe(true)
  })
})

describe.skipIf(!canMount())('a batch whose disk fills up', () => {
  /** Answers that end when the test says so. */
  async function startBatch(disk: SmallDisk) {
    const clock = new VirtualClock({ wallMs: 1_700_000_000_000 })
    const logged: string[] = []
    const answers = Promise.withResolvers<void>()
    const asked: string[] = []
    async function* batch(requests: AsyncIterable<BatchRequest>) {
      for await (const request of requests) {
        asked.push(request.id)
        await answers.promise
        const error = new InferenceError('no_peers', 'no peers')
        yield { id: request.id, request, error } as BatchResult
      }
    }
    const batches = await Batches.open({
      client: { batch } as unknown as Pick<GatewayClient, 'batch'>,
      limits: GATEWAY_LIMITS,
      directory: disk.path,
      clock,
      now: clock.wall,
      log: (message) => void logged.push(message),
      meter: { reserve: () => undefined, reserveInTurn: async () => undefined },
      checkModels: () => {},
      within: (_, options) => options,
    })
    const content = new TextEncoder().encode(`${[1, 2, 3].map(line).join('\n')}\n`)
    const file = await batches.files.add(content, { filename: 'a.jsonl', owner: 'anna' })
    const { id } = await batches.create(
      {
        input_file_id: file.id,
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
      },
      { owner: 'anna', asking: {} },
    )
    await expect.poll(() => asked.length).toBe(1)
    disk.fill()
    answers.resolve()
    await expect.poll(() => logged).toEqual([expect.stringContaining('the disk is full')])
    expect(logged[0]).not.toContain(disk.path)
    const status = () => batches.get(id, 'anna')?.status
    /** The batch is tried again every few seconds. */
    const ended = async (): Promise<void> => {
      await expect
        .poll(async () => {
          await clock.run(clock.now() + 10_000)
          return status()
        })
        .not.toMatch(/in_progress|cancelling/)
    }
    return { batches, id, status, asked, ended }
  }

  it('pauses, and goes on once there is room, each request with one result', async () => {
    await using disk = await openSmallDisk()
    const { batches, id, status, ended } = await startBatch(disk)
    expect(status()).toBe('in_progress')
    disk.free()
    await ended()
    expect(batches.get(id, 'anna')).toMatchObject({
      status: 'completed',
      counts: { total: 3, completed: 0, failed: 3 },
    })
    await batches.close()
  })

  it('can be cancelled meanwhile', async () => {
    await using disk = await openSmallDisk()
    const { batches, id, status, asked, ended } = await startBatch(disk)
    expect(await batches.cancel(id, 'anna')).toMatchObject({ status: 'cancelling' })
    disk.free()
    await ended()
    expect(status()).toBe('cancelled')
    expect(asked).toHaveLength(1)
    await batches.close()
  })

  it('fails with a word if its input is gone', async () => {
    await using disk = await openSmallDisk()
    const { batches, id, ended } = await startBatch(disk)
    await batches.files.delete(batches.get(id, 'anna')?.input_file_id ?? '')
    disk.free()
    await ended()
    expect(batches.get(id, 'anna')).toMatchObject({
      status: 'failed',
      errors: [{ message: expect.stringContaining('upload the file again') }],
    })
    await batches.close()
  })
})
