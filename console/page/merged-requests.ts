import type { RequestView } from '../state.ts'

/** Kept by the page, as by the gateway. */
const MAX_REQUESTS = 1_000

/**
 * Changed requests keep their place; new ones come first. Of too many, the oldest that have ended are dropped: one that
 * runs would come back as the newest.
 */
export function merged(
  before: readonly RequestView[],
  changed: readonly RequestView[],
): readonly RequestView[] {
  const byId = new Map(changed.map((request) => [request.requestId, request]))
  const kept = before.map((request) => {
    const next = byId.get(request.requestId)
    if (next === undefined) return request
    byId.delete(request.requestId)
    return next
  })
  const all = [...byId.values(), ...kept]
  for (let at = all.length - 1; at >= 0 && all.length > MAX_REQUESTS; at -= 1) {
    if (all[at]?.status === 'ended') all.splice(at, 1)
  }
  return all
}
