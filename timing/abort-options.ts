/** Cancels a call, which then rejects with `signal.reason` unless documented otherwise. */
export interface AbortOptions {
  readonly signal?: AbortSignal
}
