import { Command } from 'commander'
import type { ConsoleState } from '../../console/index.ts'
import { chooseDoor, followDoor } from '../control/index.ts'
import { withLocalOptions } from '../local-options.ts'
import type { Runtime, Session } from '../runtime.ts'
import type { SharedOptions } from '../shared-options.ts'
import { applied, openScreen, viewLines } from '../top/index.ts'

/** After the first state a process asks its peers; one table without a terminal waits for them. */
const SETTLE_MS = 2_000

export function topCommand(runtime: Runtime): Command {
  return withLocalOptions(
    new Command('top').description(
      'Watches a running `skein up` or `skein gateway`: models and what may stop, peers, requests. Ends with q. Without a terminal it prints once.',
    ),
  ).action(runtime.action(top))
}

async function top(session: Session, options: SharedOptions): Promise<undefined> {
  const { terminal, stdin, stdout, signal } = session
  const door = await chooseDoor(session, options, 'console')
  if (!terminal.interactive) {
    const settled = AbortSignal.timeout(SETTLE_MS)
    const state = await latest(door, AbortSignal.any([signal, settled]), settled)
    signal.throwIfAborted()
    if (state === undefined) return undefined
    const { models, peers, requests } = state
    terminal.emit({ event: 'top', models, peers, requests } as { event: 'top' })
    terminal.print(`${viewLines(state).join('\n')}\n`)
    return undefined
  }
  const quit = new AbortController()
  using screen = openScreen(stdin, stdout, () => quit.abort())
  let state: ConsoleState | undefined
  try {
    for await (const message of followDoor(door, {
      signal: AbortSignal.any([signal, quit.signal]),
    })) {
      state = applied(state, message)
      if (state !== undefined) screen.draw(viewLines(state))
    }
  } catch (error) {
    if (!quit.signal.aborted) throw error
  }
  return undefined
}

/** The state when the time is over. */
async function latest(
  door: Parameters<typeof followDoor>[0],
  signal: AbortSignal,
  settled: AbortSignal,
): Promise<ConsoleState | undefined> {
  let state: ConsoleState | undefined
  try {
    for await (const message of followDoor(door, { signal })) state = applied(state, message)
  } catch (error) {
    if (!settled.aborted) throw error
  }
  return state
}
