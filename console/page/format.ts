/** The end of a peer id, which tells peers apart; names of providers are kept. */
export function shortId(peerId: string): string {
  return peerId.startsWith('provider:') ? peerId.slice('provider:'.length) : `…${peerId.slice(-6)}`
}

export function duration(ms: number | undefined): string {
  if (ms === undefined) return '–'
  if (ms < 1_000) return `${Math.round(ms)} ms`
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : `${(ms / 60_000).toFixed(1)} min`
}

/** By powers of 1024, as disks and memory are counted here. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(4, Math.floor(Math.log2(Math.max(1, count)) / 10))
  const value = count / 1_024 ** power
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`
}

const CLOCK = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

/** @param atMs milliseconds since 1970 */
export function clockTime(atMs: number): string {
  return CLOCK.format(atMs)
}

/** An outcome's code as words. */
export function words(code: string): string {
  return code.replaceAll('_', ' ')
}
