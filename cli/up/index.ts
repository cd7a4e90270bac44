/**
 * What `skein up` adds to a node and a gateway: the choice of models to share, and a private swarm of one's own.
 *
 * @example
 * import type { Session } from '../runtime.ts'
 *
 * async function describe(session: Session): Promise<string> {
 *   const engine = await chooseShared(session, { backend: 'auto' }, './peer')
 *   return engine?.backend.description ?? 'nothing is shared'
 * }
 *
 * @packageDocumentation
 */
export { chooseShared, type ShareOptions } from './choose-shared.ts'
export { rememberChoice } from './chosen-models.ts'
export { ownSwarm } from './own-swarm.ts'
