import { InferenceError } from '../../protocol/index.ts'

/** Local cause of a failure that says nothing about what the engine can do: silence, a lost connection, an error of its own. */
export class EngineTrouble extends Error {
  override readonly name: string = 'EngineTrouble'
}

/** Whether the engine was busy, silent or absent, or failed by itself, rather than refused: the same request may succeed later. */
export function isPassing(error: unknown): boolean {
  if (!InferenceError.is(error)) return false
  return (
    error.code === 'loading' ||
    error.code === 'over_capacity' ||
    error.cause instanceof EngineTrouble
  )
}
