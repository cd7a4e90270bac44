/**
 * One request, stage by stage: recorded, remembered, checked, chained, dispatched. Each stage answers by way of the one
 * after it; what becomes known of the answer comes back as its events.
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
export { createRequester, type Requester } from './requester.ts'
export { resolveSettings, type SettingsInit } from './settings.ts'
