/** A proxy on this machine adds them: its callers can be anywhere. */
const FORWARDING = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
] as const

/**
 * Whether a proxy says that it passed the request on, so that its address says nothing about the caller. A proxy that adds
 * none of these headers cannot be told from a caller on this machine.
 */
export function isForwarded(headers: Headers): boolean {
  return FORWARDING.some((name) => headers.has(name))
}
