import type { AbortOptions } from '../../timing/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { recordAt } from '../shapes/index.ts'

/**
 * Without these two Ollama silently drops the start of a prompt that is too long, and of an answer that outgrows the
 * context. With them it rejects the former and ends the latter with `length`.
 */
export const NEVER_CUT = { truncate: false, shift: false }

/** What a template renders. */
export interface Conversation {
  readonly model: string
  /** In Ollama's format. */
  readonly messages: readonly object[]
  readonly tools?: readonly object[]
  readonly think?: string | boolean
}

/**
 * The prompt that Ollama renders of a conversation, up to where the answer begins. Undefined from versions that cannot
 * return it: those answer, so the answer is limited to one token.
 */
export async function renderedPrompt(
  http: EngineHttp,
  conversation: Conversation,
  options: Required<AbortOptions> & { readonly isRequest: boolean },
): Promise<string | undefined> {
  const body = { ...conversation, ...NEVER_CUT, stream: false, _debug_render_only: true }
  const answer = await http.post('/api/chat', { ...body, options: { num_predict: 1 } }, options)
  const { _debug_info: info } = answer
  const { rendered_template: prompt } = recordAt(info, '_debug_info')
  return typeof prompt === 'string' && prompt !== '' ? prompt : undefined
}
