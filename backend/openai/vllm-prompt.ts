import type { AbortOptions } from '../../timing/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { splitPrefix } from '../messages.ts'
import type { TextRequest } from '../request-fields.ts'
import { continuationFields } from './continuation.ts'
import { engineMessages } from './request-body.ts'
import { tokenIdsIn } from './token-ids.ts'

/** A vLLM and its name of the model. */
export interface VllmModel {
  readonly http: EngineHttp
  readonly engineName: string
}

/** Prompt token ids of a request, by this vLLM's own template and tokenizer. */
export async function vllmPrompt(
  { http, engineName: model }: VllmModel,
  request: TextRequest,
  options: AbortOptions & { readonly isRequest: boolean },
): Promise<readonly number[]> {
  if (request.kind === 'completion' && typeof request.body.prompt !== 'string') {
    return request.body.prompt
  }
  const subject =
    request.kind === 'completion'
      ? { prompt: request.body.prompt }
      : {
          messages: engineMessages(request.body.messages, 'vllm'),
          ...continuationFields(
            { text: splitPrefix(request.body.messages).prefix, reasoning: '' },
            'vllm',
          ),
        }
  const { tokens } = await http.post('/tokenize', { model, ...subject }, options)
  return tokenIdsIn(tokens)
}
