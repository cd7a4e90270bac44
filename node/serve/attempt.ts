import { isAscii } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { BackendDone, BackendModel } from '../../backend/index.ts'
import { specHashOf } from '../../ledger/index.ts'
import {
  type Claim,
  type Done,
  type Head,
  InferenceError,
  type InferenceRequest,
  JsonCounter,
  parseModelReference,
  type Usage,
} from '../../protocol/index.ts'
import type { ServedSample, Ticket } from '../admission/index.ts'
import type { AttemptScope } from './attempt-scope.ts'
import type { ServeContext, ServedRequest } from './context.ts'
import { eligibleRequest } from './eligible-request.ts'
import { uploadFailure } from './failure.ts'
import { KeepAlives } from './keep-alives.ts'
import { pump } from './pump.ts'
import type { Reply } from './reply.ts'
import { tokensTaken } from './tokens-taken.ts'
import type { Upload } from './upload.ts'

export interface ServedAttempt {
  readonly peer: string
  /** Network of the peer. */
  readonly network: string
  readonly scope: AttemptScope
  readonly upload: Upload
  /** Holds the memory of the request. */
  readonly memory: Claim
  /** Called when the whole request was read. */
  readonly onUploaded: () => void
  readonly reply: Reply
  readonly context: ServeContext
  /** Filled in during the attempt. */
  readonly note: (known: Partial<ServedRequest>) => void
}

interface Received {
  readonly head: Head
  readonly model: BackendModel
  readonly request: InferenceRequest
  readonly deadlineAtMs: number
}

/** Serves one request up to its `Done`. @throws InferenceError for the client */
export async function serveAttempt(attempt: ServedAttempt): Promise<Done> {
  let received: Received
  try {
    received = await receive(attempt)
  } catch (error) {
    throw uploadFailure(error)
  }
  return await answer(attempt, received)
}

/** Reads the request. What its head alone rules out is refused before its body takes memory. */
async function receive(attempt: ServedAttempt): Promise<Received> {
  const { upload, memory, scope, context } = attempt
  const { limits, status, models, clock } = context
  const head = await upload.head()
  const arrivedAtMs = clock.wall()
  const { kind, trace } = head
  attempt.note({ kind, ...(context.acceptsTraces && trace !== undefined && { trace }) })
  if (head.remainingMs === 0) throw new InferenceError('deadline_exceeded', 'no time is left')
  if (!status.isOpen) await scope.race.wait(status.checkOpen())
  const model = models.resolve(parseModelReference(head.model))
  attempt.note({ model: model.id })
  memory.grow(resumeBytes(head))
  const uploadMs = limits.uploadTimeoutMs + (head.bodyBytes * 1_000) / limits.uploadBytesPerSecond
  scope.expireIn(Math.min(head.remainingMs, uploadMs), 'the upload took too long')
  // A body of too many values is refused before the rest of it arrives.
  const counter = new JsonCounter()
  let isWide = false
  const body = await upload.body(head, (piece) => {
    counter.add(piece)
    isWide ||= !isAscii(piece)
  })
  attempt.onUploaded()
  const { maxTokens } = context
  const request = await eligibleRequest(head, body, {
    model,
    maxTokens,
    memory,
    clock,
    shape: counter.shape,
    isWide,
  })
  return { head, model, request, deadlineAtMs: arrivedAtMs + head.remainingMs }
}

/** Queues and answers. The engine is not used before a slot is granted. */
async function answer(attempt: ServedAttempt, received: Received): Promise<Done> {
  const { scope, reply, context, peer, network } = attempt
  const { gate, fairness, limits, clock, status } = context
  const { model, deadlineAtMs } = received
  const enteredAtMs = clock.wall()
  scope.expireIn(Math.max(0, deadlineAtMs - enteredAtMs), 'the time for the request passed')
  // Checked again: the node may have begun to drain during the upload.
  if (!status.isOpen) await scope.race.wait(status.checkOpen())
  const ticket = gate.enter({
    peer,
    network,
    deadlineAtMs,
    contributes: fairness.contributes(peer),
    signal: scope.signal,
    onRevoke: (reason) => scope.fail(reason),
  })
  using keepAlives = new KeepAlives({ reply, everyMs: limits.keepAliveMs, clock })
  try {
    const { queuePosition, expectedTtftMs } = ticket
    const digest = model.digest ?? ''
    // The engine need not wait for the muxer, and frames keep their order.
    reply.post({ type: 'accepted', queuePosition, expectedTtftMs: clamp(expectedTtftMs), digest })
    keepAlives.report({ phase: 'queued', ahead: queuePosition })
    await ticket.granted
  } catch (error) {
    ticket.release()
    throw error
  }
  const slot = { ticket, queueMs: clock.wall() - enteredAtMs }
  return await generate(attempt, received, slot, keepAlives)
}

async function generate(
  attempt: ServedAttempt,
  { head, model, request }: Received,
  { ticket, queueMs }: { readonly ticket: Ticket; readonly queueMs: number },
  keepAlives: KeepAlives,
): Promise<Done> {
  const { scope, reply, context, peer } = attempt
  const { gate, fairness, pacer, limits, clock } = context
  const { signal } = scope
  const startedAtMs = clock.wall()
  let firstTokenMs: number | undefined
  let sentTokens = 0
  attempt.note({ queueMs })
  const { resume } = head
  const options = {
    signal,
    // Warm prefixes are shared within one client only: the speed of an answer must not reveal the prompts of others.
    cacheGroup: peer,
    ...(resume !== undefined && { resume }),
  }
  const answerHash = createHash('sha256')
  const { promise: stopped, resolve: onStopped } = Promise.withResolvers<void>()
  void stopped.then(() => ticket.release())
  let done: BackendDone | undefined
  try {
    done = await pump({
      start: (onProgress) => context.backend.infer(request, { ...options, onProgress }),
      reply,
      signal,
      race: scope.race,
      keepAlives,
      clock,
      engineStopMs: limits.engineStopMs,
      onStopped,
      onChunk: (chunk, json) => {
        answerHash.update(json)
        sentTokens += chunk.tokenIds.length || 1
        if (firstTokenMs === undefined) {
          firstTokenMs = clock.wall() - startedAtMs
          attempt.note({ ttftMs: queueMs + firstTokenMs })
        }
        return writes(request) ? pacer.pace(chunk.tokenIds.length || 1, signal) : undefined
      },
    })
  } finally {
    // A client that leaves early is charged, too: it received the tokens and held the slot.
    const { bodyBytes } = head
    const resumedTokens = Math.max(resume?.tokenIds.length ?? 0, resume?.tokens ?? 0)
    const usage = done === undefined ? undefined : reportedUsage(done.usage)
    const { aborted } = signal
    const progress = { bodyBytes, resumedTokens, model, sentTokens, usage, aborted }
    fairness.served(peer, tokensTaken(progress))
    const serviceMs = clock.wall() - startedAtMs
    if (done !== undefined || firstTokenMs !== undefined) {
      gate.observe({ firstTokenMs: firstTokenMs ?? serviceMs, serviceMs, ...measuredBy(done) })
    }
  }
  const { usage, timings, asMessage } = done
  if (!writes(request)) pacer.charge(usage.promptTokens)
  const reported = reportedUsage(usage)
  context.served.note(head.attemptId, {
    client: peer,
    specHash: specHashOf(model),
    inputTokens: reported.promptTokens,
    outputTokens: reported.completionTokens,
    answerHash: answerHash.digest(),
    startedAtMs,
    endedAtMs: clock.wall(),
  })
  // The load in the terminal frame excludes this request.
  await stopped
  return {
    usage: reported,
    timings: {
      queueMs: clamp(queueMs),
      prefillMs: clamp(timings.prefillMs),
      decodeMs: clamp(timings.decodeMs),
    },
    load: context.status.loadFor({ contributes: context.fairness.contributes(peer) }),
    ...(asMessage === true && { asMessage }),
  }
}

function reportedUsage(usage: Usage): Usage {
  return {
    promptTokens: clamp(usage.promptTokens),
    completionTokens: clamp(usage.completionTokens),
    cachedPromptTokens: clamp(usage.cachedPromptTokens),
    ...(usage.reasoningTokens !== undefined && { reasoningTokens: clamp(usage.reasoningTokens) }),
  }
}

/** Empty if the engine did not finish. */
function measuredBy(
  done: BackendDone | undefined,
): Omit<ServedSample, 'firstTokenMs' | 'serviceMs'> {
  if (done === undefined) return { prefillTokens: 0, prefillMs: 0, decodeTokens: 0, decodeMs: 0 }
  const { usage, timings } = done
  return {
    prefillTokens: usage.promptTokens - usage.cachedPromptTokens,
    prefillMs: timings.prefillMs,
    decodeTokens: usage.completionTokens,
    decodeMs: timings.decodeMs,
  }
}

function resumeBytes({ resume }: Head): number {
  if (resume === undefined) return 0
  return 4 * resume.tokenIds.length + 2 * (resume.text.length + (resume.reasoning ?? '').length)
}

/** An engine's measurement as an unsigned 32-bit integer, the wire's type. */
function clamp(value: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(0, Math.round(value)), 0xffff_ffff) : 0
}

/** Whether the request generates tokens. Embeddings are charged for prompt tokens only. */
function writes({ kind }: InferenceRequest): boolean {
  return kind === 'chat' || kind === 'completion'
}
