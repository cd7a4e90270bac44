import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import { createOllamaBackend, createOpenAiBackend } from '../../backend/index.ts'
import { startEngineProcess } from '../../testing/engines/engine-process.ts'
import { startOllama } from '../../testing/engines/ollama-process.ts'
import { vllmOnCpu } from '../../testing/engines/vllm-on-cpu.ts'
import { backendSuite, type EngineUnderTest } from './backend-suite.ts'

const MODEL_FILE = fileURLToPath(new URL('../../models/skein-tiny-q8_0.gguf', import.meta.url))
// With a thread per core on a busy machine, a small model takes minutes for what one thread does in a second.
const MODELFILE = `FROM ${MODEL_FILE}
TEMPLATE """{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
"""
PARAMETER stop "<|im_end|>"
PARAMETER num_thread 1
`

/** Runs the suite against a program that an environment variable names. */
function given(
  variable: string,
  name: string,
  start: (program: string) => Promise<EngineUnderTest>,
  startMs?: number,
): void {
  const program = process.env[variable]
  if (program !== undefined) {
    backendSuite(name, () => start(program), startMs)
    return
  }
  describe(`a backend: ${name}`, () => {
    it.skip(`needs ${variable}, the path of its program`, () => {})
  })
}

given('SKEIN_TEST_LLAMA_SERVER', 'a real llama-server', async (program) => {
  const server = await startEngineProcess({
    program,
    args: (port) => [
      '-m',
      MODEL_FILE,
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--jinja',
      '-np',
      '2',
      '-t',
      '1',
      '--metrics',
    ],
    env: () => ({ LD_LIBRARY_PATH: dirname(program) }),
    readyPath: '/health',
  })
  const backend = createOpenAiBackend({ baseUrl: server.baseUrl })
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${server.baseUrl}/metrics`)).text()
    const [, value] = new RegExp(`^llamacpp:${name} (\\S+)$`, 'm').exec(text) ?? []
    if (value === undefined) throw new Error(`no metric ${name}`)
    return Number(value)
  }
  return {
    backend,
    model: 'skein-tiny',
    active: async () => (await metric('requests_processing')) + (await metric('requests_deferred')),
    generated: () => metric('tokens_predicted_total'),
    kill: server.kill,
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
})

given('SKEIN_TEST_OLLAMA', 'a real Ollama', async (program) => {
  const server = await startOllama(program, { name: 'skein-tiny', modelfile: MODELFILE })
  let sent = 0
  const backend = createOllamaBackend({
    baseUrl: server.baseUrl,
    fetch: (url, init) => {
      if (/\/api\/(chat|generate|embed)$/.test(url)) sent += 1
      return fetch(url, init)
    },
  })
  return {
    backend,
    model: 'skein-tiny',
    // Ollama logs a request when its handler returns, and does not report running ones.
    active: async () =>
      sent - [...server.output().matchAll(/POST +"\/api\/(chat|generate|embed)"/g)].length,
    kill: server.kill,
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
})

/** It compiles kernels at startup. */
const VLLM_START_MS = 240_000
const { SKEIN_TEST_VLLM_MODEL: VLLM_MODEL = '' } = process.env

// A folder in Hugging Face's layout with skein-tiny's weights, named by SKEIN_TEST_VLLM_MODEL.
given(
  'SKEIN_TEST_VLLM',
  'a real vLLM',
  async (program) => {
    const server = await startEngineProcess({
      program,
      args: (port) => [
        'serve',
        VLLM_MODEL,
        ...['--served-model-name', 'skein-tiny', '--host', '127.0.0.1', '--port', String(port)],
        ...['--dtype', 'float32', '--max-model-len', '768', '--enforce-eager'],
      ],
      env: vllmOnCpu,
      readyPath: '/health',
      readyTimeoutMs: VLLM_START_MS - 10_000,
    })
    const backend = createOpenAiBackend({ baseUrl: server.baseUrl })
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(`${server.baseUrl}/metrics`)).text()
      const [, value] = new RegExp(`^vllm:${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text) ?? []
      if (value === undefined) throw new Error(`no metric ${name}`)
      return Number(value)
    }
    return {
      backend,
      model: 'skein-tiny',
      active: async () =>
        (await metric('num_requests_running')) + (await metric('num_requests_waiting')),
      generated: () => metric('generation_tokens_total'),
      kill: server.kill,
      async [Symbol.asyncDispose]() {
        await backend[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  },
  VLLM_START_MS,
)
