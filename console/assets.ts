import { readFile } from 'node:fs/promises'

/** Files of the page, as `npm run build:console` makes them; by path, with their types. */
const FILES = {
  '/console/app.js': 'text/javascript; charset=utf-8',
  '/console/style.css': 'text/css; charset=utf-8',
  '/console/icon.svg': 'image/svg+xml',
} as const

/** The place of the token in the page. */
const TOKEN_MARK = '%TOKEN%'

/** Nothing from elsewhere, nothing inline, no frame around the page. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // The page carries a token, and a newer version replaces its files.
  'cache-control': 'no-store',
} as const

const MISSING =
  'The console is not built: run `npm run build:console` in the clone, and reload. (`npm ci` does it, unless install scripts are off.)\n'

/** The page or one of its files. `undefined` for other paths. */
export async function asset(
  path: string,
  token: string | undefined,
): Promise<Response | undefined> {
  if (path === '/') {
    const html = await built('index.html')
    if (html === undefined) return text(MISSING, 503, 'text/plain; charset=utf-8')
    return text(html.replace(TOKEN_MARK, token ?? ''), 200, 'text/html; charset=utf-8')
  }
  const type = path in FILES ? FILES[path as keyof typeof FILES] : undefined
  if (type === undefined) return undefined
  const content = await built(path.slice('/console/'.length))
  return content === undefined
    ? text(MISSING, 503, 'text/plain; charset=utf-8')
    : text(content, 200, type)
}

function text(content: string, status: number, type: string): Response {
  return new Response(content, { status, headers: { ...HEADERS, 'content-type': type } })
}

/** Beside this file, in the clone and in the package. */
async function built(name: string): Promise<string | undefined> {
  return await readFile(new URL(`./built/${name}`, import.meta.url), 'utf8').catch(() => undefined)
}
