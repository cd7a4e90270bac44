/**
 * The engine bundled with Skein: llama.cpp through node-llama-cpp, in a child process.
 *
 * @example
 * import { parseRequest } from '../../protocol/index.ts'
 *
 * await using backend = await createEmbeddedBackend({ modelPath: 'models/skein-tiny-q8_0.gguf' })
 * const messages = [{ role: 'user', content: 'Hello!' }]
 * for await (const event of backend.infer(parseRequest('chat', { model: 'skein-tiny', messages }))) {
 *   console.log(event)
 * }
 *
 * @packageDocumentation
 */

export { createEmbeddedBackend, type EmbeddedBackend } from './embedded-backend.ts'
export { fileModel } from './file-model.ts'
export { DEFAULT_CONTEXT, DEFAULT_SLOTS, type EmbeddedInit } from './init.ts'
export { isEmbeddedInstalled } from './installed.ts'
