import { fileURLToPath } from 'node:url'
import { createEmbeddedBackend } from '../../backend/index.ts'
import { backendSuite } from './backend-suite.ts'

const MODEL_FILE = fileURLToPath(new URL('../../models/skein-tiny-q8_0.gguf', import.meta.url))

backendSuite('embedded llama.cpp', async () => {
  const backend = await createEmbeddedBackend({ modelPath: MODEL_FILE, threads: 1 })
  return {
    backend,
    model: 'skein-tiny',
    active: async () => backend.active,
    generated: async () => backend.evaluatedTokens,
    kill() {
      if (backend.pid !== undefined) process.kill(backend.pid, 'SIGKILL')
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  }
})
