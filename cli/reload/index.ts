/**
 * Changed settings, put in force while a command runs.
 *
 * @example
 * import type { Session } from '../runtime.ts'
 *
 * const follow = (session: Session, setLimit: (perMinute: number | undefined) => void): AsyncDisposable =>
 *   followConfig<FollowOptions & { readonly limit?: number }>(session, {}, [
 *     { settings: ['limit'], apply: ({ limit }) => setLimit(limit) },
 *   ])
 *
 * @packageDocumentation
 */
export { type FollowOptions, followConfig } from './follow-config.ts'
export type { LivePart } from './live-part.ts'
export { withWatchOption } from './watch-option.ts'
