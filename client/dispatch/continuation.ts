import { type AnswerRequest, LIMITS, type Resume } from '../../protocol/index.ts'
import type { ResumeMode } from '../request/index.ts'
import type { Transcript } from './transcript.ts'
/** How an answer can continue after its peer was lost. */
export type Continuation =
  /** Its end is already decided. `finishReason` is set if the caller has not received it. */
  | { readonly type: 'ended'; readonly finishReason?: 'length' }
  | {
      readonly type: 'resume'
      /** With the token ids, for an engine with the same weights. Absent if a piece had no ids. */
      readonly byIds?: Resume
      /** For any engine; it tokenizes the text again. Absent if only ids will do. */
      readonly byText?: Resume
    }
  | { readonly type: 'impossible'; readonly why: string }

/** Besides the resume, a head holds a model id, an attempt id and a few numbers. */
const MAX_RESUME_BYTES = LIMITS.maxFrameBytes - 4_096
/** Size of a 32-bit varint. */
const MAX_ID_BYTES = 5

/** Decides how an answer may continue from what the caller has received. Pure. */
export function continuationOf(
  request: AnswerRequest,
  transcript: Transcript,
  mode: ResumeMode,
): Continuation {
  if (request.kind === 'embedding') return impossible('embeddings are not resumed')
  if ((request.body.n ?? 1) > 1) return impossible('it has several choices')
  if (transcript.finishReason !== undefined) return { type: 'ended' }
  if (transcript.beyondText !== undefined) {
    return impossible(`${transcript.beyondText} had begun, which no engine goes on with`)
  }
  if (hasParser(request)) {
    return impossible('tools are offered, and no engine goes on behind its tool parser')
  }
  if (isSpent(request, transcript)) return { type: 'ended', finishReason: 'length' }
  if (mode === 'off') return impossible("resume is 'off'")
  const { text, tokenIds, bytes: deliveredBytes } = transcript
  if (!text.isWellFormed()) return impossible('it broke off within a character')
  if (deliveredBytes + (tokenIds?.length ?? 0) * MAX_ID_BYTES > MAX_RESUME_BYTES) {
    return impossible('it is too long to be handed over')
  }
  const onlyIds = mode === 'exact' || isStructured(request) || wantsLogprobs(request)
  if (tokenIds === undefined && onlyIds) {
    return impossible('its token ids are not known, and its text alone will not do')
  }
  return {
    type: 'resume',
    ...(tokenIds !== undefined && { byIds: { tokenIds, text, deliveredBytes } }),
    ...(!onlyIds && { byText: { tokenIds: [], text, deliveredBytes } }),
  }
}

function impossible(why: string): Continuation {
  return { type: 'impossible', why }
}

type TextRequest = Exclude<AnswerRequest, { kind: 'embedding' }>

/**
 * Whether all tokens that the caller allowed were generated. With stop strings an engine may hold some back, so only an
 * engine can decide.
 */
function isSpent(request: TextRequest, transcript: Transcript): boolean {
  const { body } = request
  const allowed =
    (request.kind === 'chat' ? request.body.max_completion_tokens : undefined) ?? body.max_tokens
  if (allowed === undefined || allowed === null || transcript.tokenIds === undefined) return false
  const stops = body.stop ?? []
  return stops.length === 0 && transcript.lastTokenShown && transcript.tokens >= allowed
}

function hasParser(request: TextRequest): boolean {
  if (request.kind !== 'chat') return false
  const { tools, tool_choice } = request.body
  return (tools ?? []).length > 0 && tool_choice !== 'none'
}

function isStructured(request: TextRequest): boolean {
  if (request.kind !== 'chat') return false
  const { response_format } = request.body
  return (
    response_format !== undefined && response_format !== null && response_format.type !== 'text'
  )
}

function wantsLogprobs({ kind, body }: TextRequest): boolean {
  return kind === 'chat' ? body.logprobs === true : typeof body.logprobs === 'number'
}
