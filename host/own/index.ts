/**
 * A host that asks itself: its own models are found like those of other peers, and answered without a detour over the
 * wire.
 *
 * @example
 * const view = (init: Parameters<typeof includeSelf>[0]) => includeSelf(init).book.all()
 *
 * @packageDocumentation
 */
export { includeSelf } from './include-self.ts'
export { ownConnection } from './own-connection.ts'
