import type { RequestEvent } from '../../client/index.ts'
import type { Terminal } from '../terminal.ts'
import { timeline } from './timeline.ts'
/** Prints the record of a request: a timeline on stderr, apart from the answer on stdout; an event for a script. */
export function explain(terminal: Terminal, event: RequestEvent): void {
  terminal.emit({ ...event, event: 'explain' })
  if (terminal.json) return
  for (const line of timeline(event)) terminal.log(line)
}
