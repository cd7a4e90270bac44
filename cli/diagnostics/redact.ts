import { foundHome } from '../directories.ts'

/** Names of variables and settings whose values are secrets. */
const SECRET_NAME = /key|token|secret|passw|credential|invite|auth|cookie/i
/** Shorter values stand for numbers and switches, and would be replaced within other words. */
const MIN_SECRET_LENGTH = 6

/** Texts that are secrets or name a person or machine, by their form. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [^-]+-----[\s\S]*?(?:-----END [^-]+-----|$)/g, '<key>'],
  // An invite, before its parts are taken for other things.
  [/\bskein\d[1-9A-HJ-NP-Za-km-z]{20,}/g, '<invite>'],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1<user>@'],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 <key>'],
  [/\b(?:sk|pk|hf|gsk|xai|ghp|AIza)[-_]?[A-Za-z0-9_-]{16,}/g, '<key>'],
  [/([?&][^=\s&]*=)[^\s&#]+/g, '$1<value>'],
  [/\/(dns[46]?|dnsaddr)\/[^/\s]+/g, '/$1/<name>'],
  [/(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g, '<ip>'],
  [/(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi, '<ip>'],
  // Long random text that is no peer id, which begins with 12D3Koo or Qm.
  [/(?<![\w+-])(?!12D3Koo|Qm)[\w+-]{40,}/g, '<long text>'],
]

/**
 * Replaces secrets and what identifies a machine: values of the given variables whose names look secret, keys and
 * invites by their form, IP addresses, host names in multiaddresses, and the home directory.
 */
export function createRedaction(
  env: Readonly<Record<string, string | undefined>>,
  more: readonly string[] = [],
): (text: string) => string {
  const named = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && SECRET_NAME.test(name) ? [value] : [],
  )
  const secrets = [...new Set([...named, ...more])]
    .filter(({ length }) => length >= MIN_SECRET_LENGTH)
    .toSorted((a, b) => b.length - a.length)
  const home = foundHome(env) ?? ''
  return (text) => {
    let shown = text
    for (const secret of secrets) shown = shown.replaceAll(secret, '<secret>')
    if (home.length > 1) shown = shown.replaceAll(home, '~')
    for (const [form, replacement] of FORMS) shown = shown.replaceAll(form, replacement)
    return shown
  }
}
