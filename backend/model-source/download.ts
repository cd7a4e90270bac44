import { setTimeout as delay } from 'node:timers/promises'
import { InferenceError } from '../../protocol/index.ts'
import { backoffMs } from '../../timing/index.ts'
import { checkTransport } from './parse-source.ts'
import type { PartialFile } from './partial-file.ts'
import { statedSha256 } from './stated-digest.ts'

/** Progress of a download, including bytes fetched before an interruption. */
export interface DownloadProgress {
  readonly receivedBytes: number
  /** `undefined` if the server does not send it. */
  readonly totalBytes: number | undefined
}

export interface DownloadInit {
  readonly fetch: typeof fetch
  /** Idle time after which a connection is abandoned. */
  readonly idleTimeoutMs: number
  /** Consecutive tries without a new byte. */
  readonly maxFruitlessTries: number
  /** Pause before the second try; doubles with each try without progress. */
  readonly retryDelayMs: number
  readonly maxBytes: number
  readonly onProgress: (progress: DownloadProgress) => void
  /** Called before each pause with the failure of the last try and the length of the pause. */
  readonly onRetry: (why: string, pauseMs: number) => void
  /** Refuses a rest of the file that is too large for the disk. */
  readonly requireSpace: (bytes: number) => Promise<void>
  /** Headers for the server that the URL names; redirects to others do not get them. */
  readonly headers: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Most tries of one download, whatever progress each of them makes. */
const MAX_TRIES = 200
const MAX_RETRY_DELAY_MS = 30_000
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const MAX_REDIRECTS = 10

/** Retryable: a network failure, or a temporary one at the server. */
class Interrupted extends Error {}

/**
 * Fetches the rest of a file, over as many connections as it takes.
 *
 * @returns the sha256 of the whole file, in hex, if the server states it.
 * @throws InferenceError `invalid_request` if the server has no such file or it is not a model, `dial_failed` if it
 * cannot be reached or keeps disconnecting; the signal's reason.
 */
export async function download(
  url: URL,
  part: PartialFile,
  init: DownloadInit,
): Promise<string | undefined> {
  let fruitless = 0
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const before = part.bytes
    let why: string
    try {
      return await downloadOnce(url, part, init)
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
  throw gaveUp(url, new Interrupted(`interrupted ${MAX_TRIES} times`))
}

function gaveUp(url: URL, error: Interrupted): InferenceError {
  return new InferenceError('dial_failed', `cannot download ${url.href}: ${error.message}`, {
    cause: error.cause ?? error,
  })
}

async function downloadOnce(
  url: URL,
  part: PartialFile,
  init: DownloadInit,
): Promise<string | undefined> {
  const idle = new AbortController()
  const signal = AbortSignal.any([idle.signal, ...(init.signal === undefined ? [] : [init.signal])])
  const expire = (): void => idle.abort(new Interrupted('the server sent nothing'))
  let timer = setTimeout(expire, init.idleTimeoutMs)
  try {
    const { response, sha256 } = await request(url, part, init, signal)
    const totalBytes = await prepare(url, response, part, init)
    if (totalBytes !== undefined) await init.requireSpace(totalBytes - part.bytes)
    init.onProgress({ receivedBytes: part.bytes, totalBytes })
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer)
      const received = part.bytes + chunk.length
      if (received > (totalBytes ?? init.maxBytes)) {
        throw part.refuse(`${url.href} sends more than ${totalBytes ?? init.maxBytes} bytes`)
      }
      await part.append(chunk)
      init.onProgress({ receivedBytes: part.bytes, totalBytes })
      timer = setTimeout(expire, init.idleTimeoutMs)
    }
    if (totalBytes !== undefined && part.bytes < totalBytes) {
      throw new Interrupted(`the connection closed after ${part.bytes} of ${totalBytes} bytes`)
    }
    return sha256
  } catch (error) {
    if (error instanceof Interrupted || error instanceof InferenceError) throw error
    if (isDiskError(error)) throw error
    throw new Interrupted(messageOf(error), { cause: error })
  } finally {
    clearTimeout(timer)
    // Drops the unread body; the connection is no longer needed.
    idle.abort()
  }
}

/** Follows redirects one by one: each is checked before the request, because none may leave https. */
async function request(
  url: URL,
  part: PartialFile,
  init: DownloadInit,
  signal: AbortSignal,
): Promise<{ readonly response: Response; readonly sha256: string | undefined }> {
  const resume = part.bytes > 0 && part.validator !== ''
  const headers = {
    // Lengths and ranges are those of the file, not of a packed form of it.
    'accept-encoding': 'identity',
    ...(resume && { range: `bytes=${part.bytes}-`, 'if-range': part.validator }),
  }
  let at = url
  let sha256: string | undefined
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const own = at.origin === url.origin ? init.headers : {}
    const response = await init.fetch(at, {
      ...{ signal, redirect: 'manual' },
      headers: { ...own, ...headers },
    })
    sha256 ??= statedSha256(response.headers)
    const location = response.headers.get('location')
    if (location === null || !REDIRECTS.has(response.status)) return { response, sha256 }
    await response.body?.cancel()
    at = redirected(at, location)
  }
  throw refuse(`${url.href} redirects more than ${MAX_REDIRECTS} times`)
}

function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from)
  if (to === null) throw refuse(`${from.href} redirects to an invalid URL`)
  checkTransport(to)
  // Nor may a remote server redirect to this machine.
  if (to.protocol !== from.protocol && to.protocol === 'http:') {
    throw refuse(`${from.href} redirects from https to http`)
  }
  return to
}

/** Checks the response headers and prepares `part` for the body. @returns the file's length, if known. */
async function prepare(
  url: URL,
  response: Response,
  part: PartialFile,
  init: DownloadInit,
): Promise<number | undefined> {
  const { status, headers } = response
  const encoding = headers.get('content-encoding') ?? 'identity'
  if (encoding !== 'identity') throw refuse(`${url.href} is sent compressed (${encoding})`)
  const etag = headers.get('etag') ?? ''
  const validator = etag.startsWith('W/') ? '' : etag
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '')
    const total = Number(range?.[2])
    if (Number(range?.[1]) !== part.bytes || (etag !== '' && validator !== part.validator)) {
      await part.restart('')
      throw new Interrupted('the server sent another range than requested')
    }
    return checkedTotal(total, url, init)
  }
  if (status === 416) {
    await part.restart('')
    throw new Interrupted('the file on the server has changed')
  }
  if (status === 200) {
    // What cannot be the model replaces no part of it.
    if (/^text\/html\b/i.test(headers.get('content-type') ?? '')) {
      throw refuse(`${url.href} is not a GGUF file, but a web page`)
    }
    const length = headers.get('content-length')
    const total = length === null ? undefined : checkedTotal(Number(length), url, init)
    await part.restart(validator)
    return total
  }
  if (status === 408 || status === 429 || status >= 500) {
    throw new Interrupted(`the server answered ${status}`)
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
        'accept its license there and set HF_TOKEN, or download it by hand and name the file instead'
      )
    default:
      return `${url.href} cannot be downloaded: the server answered ${status}`
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
