/** A proxy on this machine adds them: its callers can be anywhere. */
const FORWARDING = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
] as const

/** Whether a proxy passed the request on, so that its address says nothing about the caller. */
export function isForwarded(headers: Headers): boolean {
  return FORWARDING.some((name) => headers.has(name))
}
