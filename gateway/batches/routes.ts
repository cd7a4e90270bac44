import { type Context, Hono } from 'hono'
import { InferenceError } from '../../protocol/index.ts'
import { askingHeaders } from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { readJsonObject } from '../http/index.ts'
import { shownBatch } from './batch-record.ts'
import type { Batches } from './batches.ts'
import type { StoredFile } from './file-store.ts'
import { listed } from './listed.ts'
import { readParts } from './multipart.ts'
import type { OpenedBatches } from './opened-batches.ts'

const BUSY_MS = 1_000

/** `/v1/files` and `/v1/batches`. */
export function batchRoutes(
  { limits }: Pick<GatewayContext, 'limits'>,
  opened: OpenedBatches | undefined,
): Hono<GatewayEnv> {
  const open = async (): Promise<Batches> => {
    if (opened !== undefined) return await opened.get()
    throw new InferenceError(
      'capability_unavailable',
      'this gateway stores no files: it has no directory for them (stateDir), or another gateway uses it',
    )
  }
  let uploads = 0
  const app = new Hono<GatewayEnv>()

  app.post('/v1/files', async (c) => {
    const { files } = await open()
    if (uploads >= limits.maxUploads) {
      const message = `${uploads} uploads are in progress already`
      throw new InferenceError('over_capacity', message, { retryAfterMs: BUSY_MS })
    }
    uploads += 1
    try {
      const { content, filename } = await uploadOf(c.req.raw)
      return c.json(shownFile(await files.add(content, { filename, owner: c.get('caller') })))
    } finally {
      uploads -= 1
    }
  })
  app.get('/v1/files', async (c) => {
    const { files } = await open()
    const purpose = c.req.query('purpose')
    const all = files.of(c.get('caller'))
    const asked = purpose === undefined ? all : all.filter((file) => file.purpose === purpose)
    return c.json(listed(asked, c.req.query(), { most: 10_000, shown: shownFile }))
  })
  app.get('/v1/files/:id', async (c) => {
    const { files } = await open()
    const file = files.get(c.req.param('id'), c.get('caller'))
    return file === undefined ? notFound(c, 'file') : c.json(shownFile(file))
  })
  app.get('/v1/files/:id/content', async (c) => {
    const { files } = await open()
    const file = files.get(c.req.param('id'), c.get('caller'))
    if (file === undefined) return notFound(c, 'file')
    return c.body(await files.content(file), 200, {
      'content-type': 'application/jsonl',
      'content-length': String(file.bytes),
    })
  })
  app.delete('/v1/files/:id', async (c) => {
    const batches = await open()
    const file = batches.files.get(c.req.param('id'), c.get('caller'))
    if (file === undefined) return notFound(c, 'file')
    await batches.deleteFile(file.id)
    return c.json({ id: file.id, object: 'file', deleted: true })
  })

  app.post('/v1/batches', async (c) => {
    const batches = await open()
    const about = { owner: c.get('caller'), asking: askingHeaders(c.req.raw.headers) }
    return c.json(shownBatch(await batches.create(await readJsonObject(c), about)))
  })
  app.get('/v1/batches', async (c) => {
    const batches = await open()
    return c.json(
      listed(batches.of(c.get('caller')), c.req.query(), { most: 100, shown: shownBatch }),
    )
  })
  app.get('/v1/batches/:id', async (c) => {
    const batches = await open()
    const batch = batches.get(c.req.param('id'), c.get('caller'))
    return batch === undefined ? notFound(c, 'batch') : c.json(shownBatch(batch))
  })
  app.post('/v1/batches/:id/cancel', async (c) => {
    const batches = await open()
    const batch = await batches.cancel(c.req.param('id'), c.get('caller'))
    return batch === undefined ? notFound(c, 'batch') : c.json(shownBatch(batch))
  })
  return app
}

/** @throws InferenceError `invalid_request` for a form that is not an upload for a batch */
async function uploadOf(
  request: Request,
): Promise<{ readonly content: Uint8Array; readonly filename: string }> {
  const body = request.body ?? new Blob([]).stream()
  const parts = await readParts(request.headers.get('content-type') ?? '', body)
  const purpose = parts.find(({ name }) => name === 'purpose')?.content
  if (purpose === undefined || !Buffer.from('batch').equals(purpose)) {
    throw invalid("only files for batches are accepted: purpose has to be 'batch'", 'purpose')
  }
  const file = parts.find(({ name }) => name === 'file')
  if (file?.filename === undefined) throw invalid('the form has no file', 'file')
  return { content: file.content, filename: file.filename }
}

function shownFile({ owner: _, ...file }: StoredFile): object {
  return { ...file, object: 'file', status: 'processed' }
}

function notFound(c: Context<GatewayEnv>, what: string): Response {
  const message = `${what} ${c.req.param('id') ?? ''} does not exist`
  const error = { message, type: 'invalid_request_error', param: 'id', code: 'not_found' }
  return c.json({ error }, 404)
}

function invalid(message: string, param: string): InferenceError {
  return new InferenceError('invalid_request', `${param}: ${message}`, { details: { param } })
}
