/**
 * Ollama, by its own API: the OpenAI one at the same port hides context lengths and cuts long prompts in silence.
 *
 * @example
 * const backend = createOllamaBackend({ baseUrl: 'http://127.0.0.1:11434' })
 *
 * @packageDocumentation
 */
export { createOllamaBackend, type OllamaBackendInit } from './ollama-backend.ts'
