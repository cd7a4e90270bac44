import type { Clock } from './clock.ts'

/** Work on more bytes than this at once is cut into steps, so that others have their turn in between. */
const TURN_BYTES = 262_144

/** Lets everything else that is due run first. @returns undefined for work on few bytes */
export function nextTurn(bytes: number, clock: Pick<Clock, 'after'>): Promise<void> | undefined {
  if (bytes <= TURN_BYTES) return undefined
  return new Promise<void>((resolve) => {
    clock.after(0, resolve)
  })
}
