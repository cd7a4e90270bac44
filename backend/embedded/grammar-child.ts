/** Entry of the process that builds grammars: whatever a schema costs, no answer waits for it. */
import type { Llama, LlamaModel } from 'node-llama-cpp'
import type { GrammarSchema } from './convert-schema.ts'
import type { FromGrammars, ToGrammars } from './grammar-messages.ts'
import { importEngine } from './load-engine.ts'

interface Loaded {
  readonly llama: Llama
  readonly model: LlamaModel
  readonly engine: Awaited<ReturnType<typeof importEngine>>
}

let loaded: Loaded | undefined

function send(message: FromGrammars): void {
  if (process.connected) process.send?.(message)
}

/** Loads the vocabulary only: a grammar is built against its tokens. */
async function load(modelPath: string): Promise<void> {
  try {
    const engine = await importEngine()
    const llama = await engine.getLlama({
      gpu: false,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: engine.LlamaLogLevel.disabled,
    })
    loaded = { llama, engine, model: await llama.loadModel({ modelPath, vocabOnly: true }) }
    send({ type: 'ready' })
  } catch (error) {
    send({ type: 'unusable', message: error instanceof Error ? error.message : String(error) })
  }
}

async function build(id: number, schema: GrammarSchema): Promise<void> {
  if (loaded === undefined) return
  const { llama, model, engine } = loaded
  try {
    type Schema = Parameters<Llama['createGrammarForJsonSchema']>[0]
    const { grammar: text } = await llama.createGrammarForJsonSchema(schema as unknown as Schema)
    const before = process.cpuUsage()
    // What the engine will do with the text.
    const grammar = await llama.createGrammar({ grammar: text })
    new engine.LlamaGrammarEvaluationState({ model, grammar })
    const { user, system } = process.cpuUsage(before)
    send({ type: 'built', id, text, engineMs: (user + system) / 1_000 })
  } catch (error) {
    send({ type: 'refused', id, why: error instanceof Error ? error.message : String(error) })
  }
}

process.on('message', (message: ToGrammars) => {
  if (message.type === 'load') void load(message.modelPath)
  else void build(message.id, message.schema)
})

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined)
process.on('disconnect', () => process.exit(0))
