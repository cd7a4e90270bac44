/** Settings whose values open something by themselves. */
export const SECRET_SETTINGS: ReadonlySet<string> = new Set(['invite', 'key'])

/** Names of variables that hold a key; a key typed by mistake looks otherwise. */
const NAMES_A_VARIABLE = /^[^=]+=[A-Z][A-Z0-9_]*$/

/** A value as it may be shown: no user, password or query of a URL, and nothing that may be a key. */
export function withoutSecret(name: string, value: string): string {
  if (SECRET_SETTINGS.has(name)) return '(hidden)'
  if (name === 'provider-key' && !NAMES_A_VARIABLE.test(value)) return '(hidden)'
  return value
    .replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/]+@/gi, '$1(hidden)@')
    .replaceAll(/\?[^\s#]+/g, '?(hidden)')
}
