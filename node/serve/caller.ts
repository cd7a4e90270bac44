/** Origin of a stream. */
export interface Caller {
  readonly peer: string
  /** Strangers from one network take turns as one. */
  readonly network: string
}
