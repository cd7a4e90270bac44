import type { Stream } from '@libp2p/interface'
import { FrameReader, InferenceError, type Load } from '../../protocol/index.ts'
import { checkAccess, readsTooSlowly } from '../admission/index.ts'
import { type ServedAttempt, serveAttempt } from './attempt.ts'
import { AttemptScope } from './attempt-scope.ts'
import type { Caller } from './caller.ts'
import type { ServeContext, ServedRequest } from './context.ts'
import { Reply } from './reply.ts'
import { StreamEnd } from './stream-end.ts'
import { Upload, uploadBounds } from './upload.ts'

/** A stream and what of it belongs to one attempt. */
export interface Exchange extends Pick<ServedAttempt, 'memory'> {
  readonly stream: Stream
  readonly end: StreamEnd
  readonly reader: FrameReader
  /** On a kept stream. */
  readonly kept?: {
    /** Called when the head was read and the client can be answered. May throw what is to be the answer. */
    readonly onHead: () => void
    /** Called when the request was read: what follows is not part of it. */
    readonly onUploaded: (scope: AttemptScope) => void
    /** Called before the end of the answer is sent: the client may send its next request as soon as it has it. */
    readonly onEnding: () => void
  }
}

/**
 * Serves a stream of one attempt from its first byte to its end. Never rejects: whatever the peer sends, it gets exactly
 * one terminal frame, or a reset where no frame can reach it.
 */
export async function serveInference(
  stream: Stream,
  caller: Caller,
  context: ServeContext,
): Promise<void> {
  const memory = context.memory.claim(caller)
  const reader = new FrameReader(
    stream,
    uploadBounds((bytes) => memory.grow(bytes)),
  )
  using end = new StreamEnd(stream)
  await serveExchange({ stream, end, reader, memory }, caller, context)
  reader.close()
}

/**
 * Serves one attempt. Never rejects.
 *
 * @returns whether the stream can carry another attempt
 */
export async function serveExchange(
  { stream, end, reader, memory, kept }: Exchange,
  caller: Caller,
  context: ServeContext,
): Promise<boolean> {
  const { peer, network } = caller
  const { clock, gate, limits } = context
  const { writeStallMs, lingerMs } = limits
  const startedAtMs = clock.wall()
  const scope = new AttemptScope(end, context.signal, clock)
  const isKept = kept !== undefined
  const upload = new Upload({ reader, race: scope.race, isKept })
  const isContended = (): boolean => gate.isContendedFor(peer)
  const onSlowReader = (): void => scope.fail(readsTooSlowly())
  const init = { writeStallMs, lingerMs, clock, isContended, onSlowReader, isKept }
  const reply = new Reply(stream, init)
  const known: Partial<ServedRequest> = {}
  const note = (more: Partial<ServedRequest>): void => void Object.assign(known, more)
  // Counted from its first byte on: a peer that never ends a head has a stream open, too.
  const admission = admit(peer, context)
  let outcome: ServedRequest['outcome'] = 'internal'
  try {
    scope.expireIn(limits.uploadTimeoutMs, 'the head of the request took too long')
    // Only the head shows which attempt a refusal belongs to.
    if (isKept) reply.answers((await upload.head()).attemptId)
    kept?.onHead()
    if (admission.refusal !== undefined) throw admission.refusal
    const onUploaded = (): void => kept?.onUploaded(scope)
    const attempt = { peer, network, scope, upload, memory, reply, context, note, onUploaded }
    const done = await serveAttempt(attempt)
    note({ usage: done.usage })
    outcome = 'answered'
    kept?.onEnding()
    await reply.finish({ type: 'done', ...done })
  } catch (error) {
    note({ reason: reasonOf(error) })
    outcome = await fail({ peer, scope, reply, context }, error)
  } finally {
    scope.close()
    admission.leave?.()
    memory.release()
    // An open stream would keep the client waiting; on a closed one this has no effect.
    if (!isKept || outcome !== 'answered') reply.reset('the attempt is over')
    const durationMs = context.clock.wall() - startedAtMs
    context.onRequest({ ...known, peerId: peer, outcome, durationMs })
  }
  return isKept && outcome === 'answered' && stream.status === 'open'
}

/** Counts the stream in, unless the peer may not have it. */
function admit(
  peer: string,
  { access, peers }: ServeContext,
): { readonly leave?: () => void; readonly refusal?: unknown } {
  try {
    checkAccess(access, peer)
    return { leave: peers.open(peer) }
  } catch (refusal) {
    return { refusal }
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
  const sent = failure.traits.fromPeer ? failure : hidden(failure)
  const contributes = context.fairness.contributes(peer)
  const load: Load = context.status.loadFor({ contributes })
  await reply.finish({ type: 'failed', error: sent, load }).catch((cause: unknown) => {
    context.log('the failure did not reach the client: %e', cause)
  })
  return failure.code
}

/** An error without a message for the client. Its details stay on this machine. */
function hidden(cause: InferenceError): InferenceError {
  return new InferenceError('internal', "the node failed; the node's log says why", { cause })
}
