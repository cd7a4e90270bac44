import { useRef } from 'preact/hooks'
import type { RequestView } from '../state.ts'

/** A list that stands still while it is read. */
export interface Held {
  readonly shown: readonly RequestView[]
  /** Requests that began since then; they are not shown. */
  readonly fresh: number
}

/** All requests, or, while the list is held, those that were there when that began. What runs among them goes on. */
export function useHeld(requests: readonly RequestView[], isHeld: boolean): Held {
  const newest = useRef<string | undefined>(undefined)
  if (!isHeld) newest.current = undefined
  else newest.current ??= requests[0]?.requestId
  const fresh = requests.findIndex(({ requestId }) => requestId === newest.current)
  // Not held, or all that were shown have been dropped by now.
  return fresh <= 0 ? { shown: requests, fresh: 0 } : { shown: requests.slice(fresh), fresh }
}
