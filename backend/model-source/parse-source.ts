import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { basename, join } from 'node:path'
import { InferenceError } from '../../protocol/index.ts'

/** Where a model comes from. `cachePath` is relative to the directory of downloaded models. */
export type ModelSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'download'; readonly url: URL; readonly cachePath: string }

const HUB = /^hf:([\w.-]+)\/([\w.-]+)\/([^@]+?)(?:@([^@]+))?$/
const MODEL_FILE = /\.gguf$/i
const SCHEME = /^[a-z][a-z0-9+.-]+:\/\//i

/**
 * Reads a path, an `https://` URL (`http://` from this machine only) or `hf:org/repo/file`, with `@revision` behind it
 * for another one than `main`.
 *
 * @param hubUrl Where `hf:` points.
 * @throws InferenceError `invalid_request`.
 */
export function parseModelSource(source: string, hubUrl: string): ModelSource {
  if (source.startsWith('hf:')) return parseHub(source, hubUrl)
  if (!SCHEME.test(source)) {
    if (source.trim() === '') throw refuse('no model was given')
    return { kind: 'file', path: source }
  }
  const url = parseUrl(source)
  const name = safeName(basename(url.pathname))
  if (name === '') throw refuse(`the URL has no file name: ${source}`)
  return { kind: 'download', url, cachePath: urlPath(url, name) }
}

/** A cached file has the ending of a model, by which it is found; its first bytes are checked as it arrives. */
function urlPath(url: URL, name: string): string {
  const identity = createHash('sha256').update(url.href).digest('hex').slice(0, 16)
  return join('url', identity, MODEL_FILE.test(name) ? name : `${name}.gguf`)
}

function parseHub(source: string, hubUrl: string): ModelSource {
  const [, org, repo, file, revision = 'main'] = HUB.exec(source) ?? []
  const parts = file?.split('/') ?? []
  const bad = [org, repo, ...parts, ...revision.split('/')].some((part) => !isName(part))
  if (org === undefined || repo === undefined || bad) {
    throw refuse(`'${source}' is not of the form hf:org/repo/file.gguf[@revision]`)
  }
  const path = [org, repo, 'resolve', revision, ...parts].map(encodeURIComponent).join('/')
  // A revision may contain slashes; as one name it cannot collide with the file's folders.
  const url = parseUrl(`${hubUrl.replace(/\/+$/, '')}/${path}`)
  const name = parts.at(-1) ?? ''
  // With the ending of a model it could collide with another file of the repository.
  const cachePath = MODEL_FILE.test(name)
    ? join('hf', org, repo, encodeURIComponent(revision), ...parts)
    : urlPath(url, safeName(name) || 'model')
  return { kind: 'download', url, cachePath }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null) throw refuse(`not a URL: ${text}`)
  checkTransport(url)
  return url
}

/** @throws InferenceError `invalid_request` for a transport without integrity protection, or for a password in the URL. */
export function checkTransport(url: URL): void {
  if (url.username !== '' || url.password !== '') {
    throw refuse(
      `the URL for ${url.host} contains a password: download the file by hand and pass its path`,
    )
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return
  throw refuse(`models are downloaded over https only, not from ${url.origin}`)
}

function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname === '[::1]') return true
  return isIP(hostname) === 4 && hostname.startsWith('127.')
}

/** Whether it is one path segment that does not leave the directory. */
function isName(part: string | undefined): boolean {
  return part !== undefined && part !== '' && part !== '.' && part !== '..' && !/[\\\0]/.test(part)
}

function safeName(name: string): string {
  return name.replace(/[^\w.-]+/g, '_').replace(/^\.+/, '')
}

function refuse(why: string): InferenceError {
  return new InferenceError('invalid_request', why, { details: { param: 'model' } })
}
