import type { ErrorFormat } from '../http/index.ts'

/** Ollama's form of an error. */
export const ollamaError: ErrorFormat = ({ message, skein }) => ({
  error: message,
  ...(skein && { skein }),
})
