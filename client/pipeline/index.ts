/**
 * The stages of a request: recorded, remembered, checked, chained, dispatched. Each stage wraps the next one; the answer
 * comes back through them as a stream of events.
 *
 * @example
 * import type { Host } from '../../host/index.ts'
 *
 * async function ask(host: Host, content: string): Promise<string | null | undefined> {
 *   const requester = createRequester(host, resolveSettings({ policy: 'hedge' }))
 *   const answer = await requester.chat({ model: 'llama3.2:3b', messages: [{ role: 'user', content }] })
 *   await requester.close()
 *   return answer.choices[0]?.message.content
 * }
 *
 * @packageDocumentation
 */
export { servedBy } from './answers.ts'
export type { ClientStats } from './client-stats.ts'
export {
  createRequester,
  createSwarmsRequester,
  type Requester,
} from './requester.ts'
export { resolveSettings, type Settings, type SettingsInit } from './settings.ts'
