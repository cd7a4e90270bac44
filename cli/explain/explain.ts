import type { RequestEvent } from '../../client/index.ts'
import type { Terminal } from '../terminal.ts'
import { timeline } from './timeline.ts'
/** The record of a request: a timeline on stderr, so that stdout stays the answer alone; for a script an event. */
export function explain(terminal: Terminal, event: RequestEvent): void {
  terminal.emit({ ...event, event: 'explain' })
  if (terminal.json) return
  for (const line of timeline(event)) terminal.log(line)
}
