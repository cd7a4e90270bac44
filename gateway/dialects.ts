import { anthropicError } from './anthropic/index.ts'
import type { ErrorFormat } from './http/index.ts'
import { ollamaError } from './ollama/index.ts'

const openAiError: ErrorFormat = (error) => ({ error })

/** Error format by path, also for errors of the gateway itself. */
export function errorFormatOf(path: string): ErrorFormat {
  if (path === '/v1/messages' || path.startsWith('/v1/messages/')) return anthropicError
  if (path.startsWith('/api/')) return ollamaError
  return openAiError
}
