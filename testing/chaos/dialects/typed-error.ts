import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'

/** Whether an SDK threw the failure that the gateway reported, with its code or message. */
export function isTypedError(error: unknown): error is Error {
  if (error instanceof OpenAI.APIError) return typeof error.code === 'string'
  if (error instanceof Anthropic.APIError) return typeof error.type === 'string'
  // Ollama's protocol has a message only, and its SDK gives it an error of its own where a status came with it.
  return error instanceof Error && (error.name === 'ResponseError' || error.name === 'Error')
}
