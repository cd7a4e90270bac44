/**
 * The console: a page that shows what would survive, every request as it runs, and how another machine joins. A gateway
 * serves it.
 *
 * @example
 * import { createClient } from '../client/index.ts'
 * import { serveGateway } from '../gateway/index.ts'
 *
 * async function open(init: Parameters<typeof createConsole>[0]): Promise<void> {
 *   await using client = await createClient()
 *   await using pages = createConsole(init)
 *   await using server = await serveGateway(client, { pages })
 *   console.log(server.url)
 * }
 *
 * @packageDocumentation
 */
export { type Console, createConsole } from './console.ts'
export type { KeyActions } from './key-actions.ts'
export { LogBook } from './log-book.ts'
export { PromptBook } from './prompt-book.ts'
export type {
  ConsoleMessage,
  ConsolePage,
  ConsoleState,
  JoinView,
  KeyView,
  RightsChange,
} from './state.ts'
