import { isIP } from 'node:net'
import type { Context } from 'hono'
import { HttpRefusal } from '../http/index.ts'

/**
 * Reserved top-level domains (RFC 6761, RFC 6762, ICANN's reservation of `.internal`): no web page can have a
 * name there.
 */
const PRIVATE_DOMAINS = ['localhost', 'local', 'internal'] as const

/**
 * Refuses requests for other host names: a web page may point its own name at this machine (DNS
 * rebinding), and its requests would then count as same-origin. A page needs its own name for that, so
 * addresses, reserved names and requests without a name pass.
 *
 * @param allowed returns further names, without port, that hold now; undefined: every name
 * @returns throws HttpRefusal `misdirected_request`
 */
export function hostCheck(allowed: () => readonly string[] | undefined): (c: Context) => void {
  /** Of the last request that passed: nearly all have the same. */
  let passed:
    | { readonly header: string; readonly origin: string; readonly names: object }
    | undefined
  return (c) => {
    const names = allowed()
    if (names === undefined) return
    const { url } = c.req
    const header = c.req.header('host') ?? ''
    if (passed?.names === names && passed.header === header && url.startsWith(passed.origin)) return
    // The request line may name another host than the header.
    const { host, origin } = new URL(url)
    const asked = [header, host].map(hostName)
    const name = asked.find((one) => !isHarmless(one) && !isNamed(one, names))
    if (name !== undefined) {
      throw new HttpRefusal(
        'misdirected_request',
        `this gateway does not accept the host name '${name}': use its IP address, start it with --allow-host ${name}, or protect it with a key (gateway key add NAME), which makes this check unnecessary`,
      )
    }
    passed = { header, origin: `${origin}/`, names }
  }
}

function isNamed(name: string, names: readonly string[]): boolean {
  return names.some((one) => one.toLowerCase() === name)
}

function isHarmless(name: string): boolean {
  if (name === '' || isIP(name) !== 0) return true
  return PRIVATE_DOMAINS.some((domain) => name === domain || name.endsWith(`.${domain}`))
}

/** A `Host` header without its port and a final dot; addresses of IPv6 without their brackets. */
function hostName(header: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(header)?.[1]
  return (bracketed ?? header.replace(/:\d*$/, '')).replace(/\.$/, '').toLowerCase()
}
