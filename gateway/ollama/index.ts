/**
 * Ollama's API, for tools that support no other.
 *
 * @packageDocumentation
 */
export { ollamaAnswers } from './answers.ts'
export { ollamaEmbed } from './embed.ts'
export { ollamaError } from './error-body.ts'
export { ollamaLocal } from './local.ts'
export { ollamaModels } from './models.ts'
export { ollamaOther } from './other.ts'
