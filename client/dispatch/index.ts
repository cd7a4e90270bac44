/**
 * One request on as many peers as it takes: choice, attempts, failover before the commit point, one deadline.
 *
 * @example
 * for await (const event of dispatch(context, job, scope)) {
 *   if (event.type === 'chunk') show(event.chunk, event.peerId)
 * }
 *
 * @packageDocumentation
 */
export {
  type DispatchContext,
  type DispatchEvent,
  dispatch,
  type Job,
} from './dispatch.ts'
