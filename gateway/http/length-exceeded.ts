import { InferenceError } from '../../protocol/index.ts'

/** Tokens of a prompt that is too long, and those that fit. */
export interface ExceededLength {
  readonly promptTokens: number
  readonly contextLength: number
}

/** @returns undefined for other failures, and if the numbers are unknown */
export function exceededLength(error: InferenceError): ExceededLength | undefined {
  if (!InferenceError.is(error, 'context_too_long')) return undefined
  const { promptTokens, contextLength } = error.details
  return promptTokens === undefined || contextLength === undefined
    ? undefined
    : { promptTokens, contextLength }
}

/** OpenAI's message, which agents match to compact the conversation. */
export function openAiLengthMessage({ promptTokens, contextLength }: ExceededLength): string {
  return `This model's maximum context length is ${contextLength} tokens. However, your messages resulted in ${promptTokens} tokens. Please reduce the length of the messages.`
}
