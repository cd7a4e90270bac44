/**
 * Ollama through its native API: its OpenAI endpoint hides context lengths and silently truncates long prompts.
 *
 * @example
 * const backend = createOllamaBackend({ baseUrl: 'http://127.0.0.1:11434' })
 *
 * @packageDocumentation
 */
export { createOllamaBackend, type OllamaBackendInit } from './ollama-backend.ts'
