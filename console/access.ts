import { randomBytes, timingSafeEqual } from 'node:crypto'
import { isForwarded, type PageVisitor } from '../gateway/index.ts'
import { isLoopbackAddress } from '../protocol/index.ts'

/** The header with the token of the page. */
export const TOKEN_HEADER = 'x-skein-console'

const LOOPBACK_HOST = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?$/i

/** Why a visitor is refused; `undefined`: it is not. */
export type Refusal = 'key' | 'loopback' | 'rights' | 'token' | undefined

/**
 * Decides who sees the console's data and may change something: with API keys, who has one without restrictions; without,
 * who comes from this machine, under a loopback name, with the token of the page. Only the page's own origin can read
 * that token. An invite is shown with a key only.
 */
export class ConsoleAccess {
  readonly token: string = randomBytes(24).toString('base64url')

  refusal(headers: Headers, visitor: PageVisitor): Refusal {
    if (visitor.keysRequired) {
      if (visitor.key === undefined) return 'key'
      return visitor.isUnrestricted ? undefined : 'rights'
    }
    // Behind a proxy on this machine, the visitor can be anywhere.
    if (isForwarded(headers)) return 'loopback'
    if (!isLoopbackAddress(visitor.remoteAddress ?? '')) return 'loopback'
    if (!LOOPBACK_HOST.test(headers.get('host') ?? '')) return 'loopback'
    return isEqual(headers.get(TOKEN_HEADER) ?? '', this.token) ? undefined : 'token'
  }

  /** The token for a page, if its visitor may have it. */
  tokenFor(headers: Headers, visitor: PageVisitor): string | undefined {
    const given = new Headers(headers)
    given.set(TOKEN_HEADER, this.token)
    return visitor.keysRequired || this.refusal(given, visitor) !== undefined
      ? undefined
      : this.token
  }
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
