import {
  type Backend,
  createOllamaBackend,
  createOpenAiBackend,
  createScriptedBackend,
  type ScriptedBackend,
} from '../../backend/index.ts'
import { startOllamaWire } from '../../testing/engines/ollama-wire.ts'
import { startOpenAiWire } from '../../testing/engines/openai-wire.ts'
import type { WireServer } from '../../testing/engines/wire-server.ts'
import { backendSuite, type EngineUnderTest } from './backend-suite.ts'

const MODEL = 'skein-tiny'

/** Slow enough to notice that a client leaves before the answer ends. */
const WIRE_PACE_MS = 1

backendSuite('scripted', async () => {
  const engine = scripted(0)
  return {
    ...watch(engine),
    backend: engine,
    kill: () => engine.kill(),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  }
})

backendSuite('OpenAI protocol, as llama-server speaks it', () =>
  overWire(
    (engine) => startOpenAiWire(engine, 'llama-server'),
    (baseUrl) => createOpenAiBackend({ baseUrl }),
  ),
)

backendSuite('OpenAI protocol, as vLLM speaks it', () =>
  overWire(
    (engine) => startOpenAiWire(engine, 'vllm'),
    (baseUrl) => createOpenAiBackend({ baseUrl: `${baseUrl}/v1` }),
  ),
)

backendSuite('Ollama protocol', () =>
  overWire(startOllamaWire, (baseUrl) => createOllamaBackend({ baseUrl })),
)

async function overWire(
  serve: (engine: ScriptedBackend) => Promise<WireServer>,
  connect: (baseUrl: string) => Backend,
): Promise<EngineUnderTest> {
  const engine = scripted(WIRE_PACE_MS)
  const server = await serve(engine)
  const backend = connect(server.baseUrl)
  return {
    ...watch(engine),
    backend,
    kill: () => server.kill(),
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      await engine[Symbol.asyncDispose]()
    },
  }
}

function scripted(paceMs: number): ScriptedBackend {
  return createScriptedBackend({ models: [{ id: MODEL, contextLength: 2048 }], paceMs })
}

function watch(engine: ScriptedBackend): Pick<EngineUnderTest, 'model' | 'active' | 'generated'> {
  return {
    model: MODEL,
    active: async () => engine.active,
    generated: async () => engine.calls.reduce((sum, { tokens }) => sum + tokens, 0),
  }
}
