import type { Stream } from '@libp2p/interface'
import { InferenceError, type Load } from '../../protocol/index.ts'
import { checkAccess } from '../admission/index.ts'
import { type ServedAttempt, serveAttempt } from './attempt.ts'
import { AttemptScope } from './attempt-scope.ts'
import type { ServeContext, ServedRequest } from './context.ts'
import { Reply } from './reply.ts'

/** Origin of a stream. */
export interface Caller {
  readonly peer: string
  /** Strangers from one network take turns as one. */
  readonly network: string
}

/**
 * Serves one inference stream from its first byte to its end. Never rejects: whatever the peer sends, it gets exactly
 * one terminal frame, or a reset where no frame can reach it.
 */
export async function serveInference(
  stream: Stream,
  { peer, network }: Caller,
  context: ServeContext,
): Promise<void> {
  const { clock, gate, limits } = context
  const startedAtMs = clock.wall()
  const scope = new AttemptScope(stream, context.signal, clock)
  const reply = new Reply(stream, { ...limits, clock, isContended: () => gate.contended })
  let known: Partial<ServedRequest> = {}
  const note = (more: Partial<ServedRequest>): void => {
    known = { ...known, ...more }
  }
  let leave = (): void => {}
  let outcome: ServedRequest['outcome'] = 'internal'
  try {
    checkAccess(context.access, peer)
    leave = context.peers.open(peer)
    const done = await serveAttempt({ stream, peer, network, scope, reply, context, note })
    note({ usage: done.usage })
    outcome = 'answered'
    await reply.finish({ type: 'done', ...done })
  } catch (error) {
    note({ reason: reasonOf(error) })
    outcome = await fail({ peer, scope, reply, context }, error)
  } finally {
    scope.close()
    leave()
    // An open stream would keep the client waiting; on a closed one this has no effect.
    reply.reset('the attempt is over')
    const durationMs = context.clock.wall() - startedAtMs
    context.onRequest({ ...known, peerId: peer, outcome, durationMs })
  }
}

/** The message of an error and of its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error(String(error))
  return cause instanceof Error && !message.includes(cause.message)
    ? `${message}: ${cause.message}`
    : message
}

async function fail(
  { peer, scope, reply, context }: Pick<ServedAttempt, 'peer' | 'scope' | 'reply' | 'context'>,
  error: unknown,
): Promise<ServedRequest['outcome']> {
  const failure = scope.clientGone
    ? new InferenceError('cancelled', 'the client is gone', { cause: error })
    : InferenceError.from(error)
  context.log('attempt failed: %s %e', failure.code, failure.cause ?? failure)
  if (failure.code === 'engine_failed') {
    // Not awaited: the client waits for this failure.
    context.status.refresh().catch((cause: unknown) => context.log.error('no engine %e', cause))
  }
  if (scope.clientGone) return failure.code
  const told = failure.traits.fromPeer ? failure : hidden(failure)
  const contributes = context.fairness.contributes(peer)
  const load: Load = context.status.loadFor({ contributes })
  await reply.finish({ type: 'failed', error: told, load }).catch((cause: unknown) => {
    context.log('the failure did not reach the client: %e', cause)
  })
  return failure.code
}

/** An error without a message for the client. Its details stay on this machine. */
function hidden(cause: InferenceError): InferenceError {
  return new InferenceError('internal', "the node failed; the node's log says why", { cause })
}
