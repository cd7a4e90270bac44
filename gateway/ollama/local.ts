import { type Context, Hono } from 'hono'
import type { ModelListing } from '../../client/index.ts'
import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
import { readFields } from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { readJsonObject } from '../http/index.ts'
import type { LocalModel, LocalPullProgress } from '../local-models.ts'
import { allListings, DETAILS, digestOf, hashOf } from './models.ts'
import { pullFields, showFields } from './request-fields.ts'

/** Time that Ollama says a model stays in memory; here it stays until another needs the room. */
const STAYS_MS = 300_000

/** `POST /api/pull`, `DELETE /api/delete` and `GET /api/ps`: models of this machine, where it has any. */
export function ollamaLocal(context: GatewayContext): Hono<GatewayEnv> {
  const { local, mayManage, requireOwner, now } = context
  const app = new Hono<GatewayEnv>()
  if (local === undefined) {
    // Running models are on other machines.
    return app.get('/api/ps', (c) => c.json({ models: [] }))
  }
  return app
    .get('/api/ps', async (c) => {
      const models = await local.list()
      const running = models.filter(({ state }) => state === 'loaded' || state === 'running')
      const listings = await allListings(context, c).catch(() => [])
      const shown = running.flatMap((model) => {
        const listing = listings.find(({ id }) => normalizeModelId(id) === model.id)
        // A model that is loaded but not shared, or that the caller's key may not use, is on no list.
        return listing !== undefined || mayManage(c) ? [runningOf(model, listing, now())] : []
      })
      return c.json({ models: shown })
    })
    .delete('/api/delete', async (c) => {
      requireOwner(c)
      const { model, name } = readFields(showFields, await readJsonObject(c))
      await local.remove(localName(await local.list(), model || name || ''))
      return c.body(null, 200)
    })
    .post('/api/pull', async (c) => {
      requireOwner(c)
      const { model, name, stream } = readFields(pullFields, await readJsonObject(c))
      const source = model || name || ''
      const pull = async (onProgress: (progress: LocalPullProgress) => void): Promise<void> => {
        const pulled = await local.pull(source, { signal: c.req.raw.signal, onProgress })
        // What is pulled over the API is meant to be asked over the API.
        await local.share(pulled)
      }
      if (stream === false) {
        await pull(() => {})
        return c.json({ status: 'success' })
      }
      return streamed(c, source, pull)
    })
}

/**
 * Loads or unloads a model of this machine, as an empty request does at Ollama. Callers who may ask but not manage
 * change nothing: the model is loaded by what they ask.
 *
 * @returns whether it is one, and the caller may load it
 */
export async function keepLocal(
  c: Context<GatewayEnv>,
  { local, mayManage }: GatewayContext,
  name: string,
  wanted: 'load' | 'unload',
): Promise<boolean> {
  if (local === undefined || !mayManage(c)) return false
  const found = findLocal(await local.list(), name)
  if (found === undefined) return false
  if (wanted === 'load') await local.load(found.name)
  else if (found.state !== 'on-disk') await local.unload(found.name)
  return true
}

function localName(models: readonly LocalModel[], name: string): string {
  const found = findLocal(models, name)
  if (found !== undefined) return found.name
  throw new InferenceError('model_not_found', `model '${name}' not found on this machine`, {
    details: { param: 'model' },
  })
}

/**
 * The model of this name: its file's, or the id under which it is served, which quantizations share.
 *
 * @throws InferenceError `invalid_request` if it can be one of several
 */
function findLocal(models: readonly LocalModel[], name: string): LocalModel | undefined {
  const wanted = normalizeModelId(name)
  const byFile = models.find((model) => normalizeModelId(model.name) === wanted)
  if (byFile !== undefined) return byFile
  const byId = models.filter(({ id }) => id === wanted)
  const served = byId.filter(({ isServed }) => isServed === true)
  const [found, ...others] = served.length > 0 ? served : byId
  if (others.length === 0) return found
  const names = byId.map((model) => model.name).join(', ')
  throw new InferenceError(
    'invalid_request',
    `'${name}' can be one of ${names}: name one of them`,
    { details: { param: 'model' } },
  )
}

/** @param listing as the swarm lists it: `ollama list` and `ollama ps` name a model by the same digest */
function runningOf(model: LocalModel, listing: ModelListing | undefined, nowMs: number): object {
  const { id, bytes, memoryBytes } = model
  const { contextLength = 0, digests = [] } = listing ?? {}
  return {
    ...{ name: id, model: id, size: memoryBytes ?? bytes, size_vram: 0 },
    digest: digestOf({ id, digests }, model),
    ...(contextLength > 0 && { context_length: contextLength }),
    details: DETAILS,
    expires_at: new Date(nowMs + STAYS_MS).toISOString(),
  }
}

/** Progress as Ollama sends it. The first line comes with the first news, so that a refusal has a status of its own. */
async function streamed(
  c: Context<GatewayEnv>,
  source: string,
  pull: (onProgress: (progress: LocalPullProgress) => void) => Promise<void>,
): Promise<Response> {
  const lines = new TransformStream<object, Uint8Array>({
    transform(line, controller) {
      controller.enqueue(new TextEncoder().encode(`${JSON.stringify(line)}\n`))
    },
  })
  const writer = lines.writable.getWriter()
  // A reader that left ends the download by the request's signal.
  const write = (line: object): void => void writer.write(line).catch(() => {})
  const begun = Promise.withResolvers<void>()
  const ended = pull((progress) => {
    begun.resolve()
    write(lineOf(source, progress))
  })
  ended
    .then(
      () => write({ status: 'success' }),
      (error: unknown) => write({ error: InferenceError.from(error).message }),
    )
    .finally(() => void writer.close().catch(() => {}))
  await Promise.race([begun.promise, ended])
  return c.body(lines.readable, 200, { 'content-type': 'application/x-ndjson' })
}

function lineOf(
  source: string,
  { status, receivedBytes, totalBytes, digest }: LocalPullProgress,
): object {
  if (totalBytes === 0) return { status }
  // The command line draws a bar for each digest, and names it by the status.
  const layer = digest ?? `sha256:${hashOf(source)}`
  const shown = digest === undefined ? `pulling ${layer.slice(7, 19)}` : status
  return { status: shown, digest: layer, total: totalBytes, completed: receivedBytes }
}
