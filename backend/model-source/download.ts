import { setTimeout as delay } from 'node:timers/promises'
import { InferenceError } from '../../protocol/index.ts'
import { backoffMs } from '../../timing/index.ts'
import { checkTransport } from './parse-source.ts'
import type { PartialFile } from './partial-file.ts'

/** How far a download is, bytes fetched before a break included. */
export interface DownloadProgress {
  readonly receivedBytes: number
  /** `undefined` where the server does not say. */
  readonly totalBytes: number | undefined
}

export interface DownloadInit {
  readonly fetch: typeof fetch
  /** A connection on which nothing arrives for this long is given up. */
  readonly idleTimeoutMs: number
  /** Tries in a row that bring no new byte. */
  readonly maxFruitlessTries: number
  /** Pause before the second try; doubles with each that brings nothing. */
  readonly retryDelayMs: number
  readonly maxBytes: number
  readonly onProgress: (progress: DownloadProgress) => void
  /** Told before each pause why the last try ended, and how long the pause is. */
  readonly onRetry: (why: string, pauseMs: number) => void
  readonly signal?: AbortSignal
}

/** However much each of them brings, a download that takes more tries than this will not end well. */
const MAX_TRIES = 200
const MAX_RETRY_DELAY_MS = 30_000
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const MAX_REDIRECTS = 10

/** Worth another try: the network's fault, or the server's for the moment. */
class Interrupted extends Error {}

/**
 * Fetches the rest of a file, over as many connections as it takes.
 *
 * @throws InferenceError `invalid_request` where the server has no such file or it is no model, `dial_failed` where it
 * cannot be reached or keeps breaking off; the signal's reason.
 */
export async function download(url: URL, part: PartialFile, init: DownloadInit): Promise<void> {
  let fruitless = 0
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const before = part.bytes
    let why: string
    try {
      await downloadOnce(url, part, init)
      return
    } catch (error) {
      init.signal?.throwIfAborted()
      if (!(error instanceof Interrupted)) throw error
      fruitless = part.bytes > before ? 0 : fruitless + 1
      if (fruitless >= init.maxFruitlessTries) throw gaveUp(url, error)
      why = error.message
    }
    const backoff = { minMs: init.retryDelayMs, maxMs: MAX_RETRY_DELAY_MS }
    const pause = backoffMs(fruitless, backoff)
    init.onRetry(why, pause)
    await delay(pause, undefined, init.signal === undefined ? {} : { signal: init.signal })
  }
  throw gaveUp(url, new Interrupted(`broken off ${MAX_TRIES} times`))
}

function gaveUp(url: URL, error: Interrupted): InferenceError {
  return new InferenceError('dial_failed', `cannot download ${url.href}: ${error.message}`, {
    cause: error.cause ?? error,
  })
}

async function downloadOnce(url: URL, part: PartialFile, init: DownloadInit): Promise<void> {
  const idle = new AbortController()
  const signal = AbortSignal.any([idle.signal, ...(init.signal === undefined ? [] : [init.signal])])
  const expire = (): void => idle.abort(new Interrupted('the server went silent'))
  let timer = setTimeout(expire, init.idleTimeoutMs)
  try {
    const response = await request(url, part, init, signal)
    const totalBytes = await prepare(url, response, part, init)
    init.onProgress({ receivedBytes: part.bytes, totalBytes })
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer)
      const received = part.bytes + chunk.length
      if (received > (totalBytes ?? init.maxBytes)) {
        throw refuse(`${url.href} sends more than the ${totalBytes ?? init.maxBytes} bytes it may`)
      }
      await part.append(chunk)
      init.onProgress({ receivedBytes: part.bytes, totalBytes })
      timer = setTimeout(expire, init.idleTimeoutMs)
    }
    if (totalBytes !== undefined && part.bytes < totalBytes) {
      throw new Interrupted(`it broke off after ${part.bytes} of ${totalBytes} bytes`)
    }
  } catch (error) {
    if (error instanceof Interrupted || error instanceof InferenceError) throw error
    if (isDiskError(error)) throw error
    throw new Interrupted(messageOf(error), { cause: error })
  } finally {
    clearTimeout(timer)
    // Whatever of the body was not read: the connection is not needed any more.
    idle.abort()
  }
}

/** Follows redirects one by one: each is judged before it is asked, for not one may leave https. */
async function request(
  url: URL,
  part: PartialFile,
  init: DownloadInit,
  signal: AbortSignal,
): Promise<Response> {
  const resume = part.bytes > 0 && part.validator !== ''
  const headers = {
    // Lengths and ranges are those of the file, not of a packed form of it.
    'accept-encoding': 'identity',
    ...(resume && { range: `bytes=${part.bytes}-`, 'if-range': part.validator }),
  }
  let at = url
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await init.fetch(at, { signal, headers, redirect: 'manual' })
    const location = response.headers.get('location')
    if (location === null || !REDIRECTS.has(response.status)) return response
    await response.body?.cancel()
    at = redirected(at, location)
  }
  throw refuse(`${url.href} redirects more than ${MAX_REDIRECTS} times`)
}

function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from)
  if (to === null) throw refuse(`${from.href} redirects to what is no URL`)
  checkTransport(to)
  // Nor may a server elsewhere have us ask one on this machine.
  if (to.protocol !== from.protocol && to.protocol === 'http:') {
    throw refuse(`${from.href} redirects from https to http`)
  }
  return to
}

/** Judges the answer's head and makes `part` ready for its body. @returns the file's length, where it is known. */
async function prepare(
  url: URL,
  response: Response,
  part: PartialFile,
  init: DownloadInit,
): Promise<number | undefined> {
  const { status, headers } = response
  const encoding = headers.get('content-encoding') ?? 'identity'
  if (encoding !== 'identity') throw refuse(`${url.href} is sent packed (${encoding})`)
  const etag = headers.get('etag') ?? ''
  const validator = etag.startsWith('W/') ? '' : etag
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '')
    const total = Number(range?.[2])
    if (Number(range?.[1]) !== part.bytes || (etag !== '' && validator !== part.validator)) {
      await part.restart('')
      throw new Interrupted('the server sent another part of the file than was asked for')
    }
    return checkedTotal(total, url, init)
  }
  if (status === 416) {
    await part.restart('')
    throw new Interrupted('the file on the server has changed')
  }
  if (status === 200) {
    await part.restart(validator)
    const length = headers.get('content-length')
    return length === null ? undefined : checkedTotal(Number(length), url, init)
  }
  if (status === 408 || status === 429 || status >= 500) {
    throw new Interrupted(`the server answers ${status}`)
  }
  throw refuse(explainStatus(url, status))
}

function checkedTotal(total: number, url: URL, { maxBytes }: DownloadInit): number {
  if (Number.isSafeInteger(total) && total > 0 && total <= maxBytes) return total
  throw refuse(`${url.href} claims a size of ${total} bytes`)
}

function explainStatus(url: URL, status: number): string {
  switch (status) {
    case 404:
    case 410:
      return `there is no file at ${url.href}: check the spelling, the branch and the name of the .gguf file`
    case 401:
    case 403:
      return (
        `${url.href} may not be downloaded without an account (${status}): ` +
        'accept its license there, download it by hand, and name the file instead'
      )
    default:
      return `${url.href} cannot be downloaded: the server answers ${status}`
  }
}

function refuse(why: string): InferenceError {
  return new InferenceError('invalid_request', why, { details: { param: 'model' } })
}

function isDiskError(error: unknown): boolean {
  const { syscall } = error as NodeJS.ErrnoException
  return syscall === 'write' || syscall === 'ftruncate' || syscall === 'open'
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
