import type { ConsoleState } from '../state.ts'

/** What every page is given. */
export interface PageProps {
  readonly state: ConsoleState
  /** The part of the address after the page's name. */
  readonly detail: string
}
