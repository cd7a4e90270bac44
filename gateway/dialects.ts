import { anthropicError } from './anthropic/index.ts'
import type { ErrorFormat } from './http/index.ts'
import { ollamaError } from './ollama/index.ts'

const openAiError: ErrorFormat = (error) => ({ error })

/** How the callers of a path read errors, those of the whole gateway included. */
export function errorFormatOf(path: string): ErrorFormat {
  if (path === '/v1/messages' || path.startsWith('/v1/messages/')) return anthropicError
  if (path.startsWith('/api/')) return ollamaError
  return openAiError
}
