import {
  type AnswerRequest,
  LIMITS,
  type Resume,
  type ResumeForm,
  resumeFormsOf,
} from '../../protocol/index.ts'
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
      /** Forms that the peer's engine must be able to resume. */
      readonly forms: readonly ResumeForm[]
      /** The caller has seen nothing, so any peer can begin anew. */
      readonly unseen: boolean
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
  const unseen = !transcript.begun
  if (transcript.beyondText !== undefined) {
    return impossible(`${transcript.beyondText} had begun, which no engine goes on with`)
  }
  if (isSpent(request, transcript)) return { type: 'ended', finishReason: 'length' }
  const { text, reasoning } = transcript
  const forms = resumeFormsOf(request, transcript)
  const why = mode === 'off' ? "resume is 'off'" : hindranceOf(transcript)
  if (why !== undefined) {
    return unseen ? { type: 'resume', forms, unseen } : impossible(why)
  }
  const onlyIds = mode === 'exact' || wantsLogprobs(request)
  const { tokenIds, tokens, bytes: deliveredBytes } = transcript
  if (tokenIds === undefined && onlyIds && !unseen) {
    return impossible('its token ids are not known, and its text alone will not do')
  }
  const shown = { text, deliveredBytes, tokens, ...(reasoning !== '' && { reasoning }) }
  return {
    type: 'resume',
    ...(tokenIds !== undefined && tokenIds.length > 0 && { byIds: { tokenIds, ...shown } }),
    ...(!onlyIds && !unseen && { byText: { tokenIds: [], ...shown } }),
    forms,
    unseen,
  }
}

/** Why the answer cannot be handed over to another engine. */
function hindranceOf({ text, reasoning, tokenIds, bytes }: Transcript): string | undefined {
  if (!text.isWellFormed() || !reasoning.isWellFormed()) return 'it broke off within a character'
  const size = bytes + Buffer.byteLength(reasoning) + (tokenIds?.length ?? 0) * MAX_ID_BYTES
  return size > MAX_RESUME_BYTES ? 'it is too long to be handed over' : undefined
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

function wantsLogprobs({ kind, body }: TextRequest): boolean {
  return kind === 'chat' ? body.logprobs === true : typeof body.logprobs === 'number'
}
