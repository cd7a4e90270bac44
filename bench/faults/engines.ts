import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Shape } from '../../testing/chaos/dialects/question.ts'
import { type EngineProcess, startEngineProcess } from '../../testing/engines/engine-process.ts'
import { startOllama } from '../../testing/engines/ollama-process.ts'
import { vllmOnCpu } from '../../testing/engines/vllm-on-cpu.ts'
import { BUNDLED_MODEL } from '../bundled-model.ts'
import type { EngineChoice } from '../engine-choice.ts'
import type { FaultEngine } from './fault-node.ts'

/** A model as a chat template makes it answer, and the shapes that it is asked for. */
export interface Variant {
  readonly engine: FaultEngine
  readonly shapes: readonly Shape[]
  [Symbol.asyncDispose](): Promise<void>
}

/** Kinds of chat template: with examples of tool calls, of three calls in each answer, or of thoughts. */
type Kind = 'tools' | 'parallel' | 'thinking'
const SHAPES: Readonly<Record<Kind, readonly Shape[]>> = {
  tools: ['text', 'stop', 'no call', 'one call', 'JSON'],
  parallel: ['three calls'],
  thinking: ['reasoning'],
}
/** It imports PyTorch, and compiles kernels. */
const VLLM_START_MS = 600_000

const KINDS = ['tools', 'parallel', 'thinking'] as const satisfies readonly Kind[]

/**
 * Starts what has to be started, one variant at a time.
 *
 * @param model of an engine that is started here: a GGUF file, or a folder for vLLM; the bundled model by default
 * @throws Error for options that do not go together
 */
export async function* variantsOf(
  { engine, flavour, shapes: asked }: EngineChoice,
  model: string = BUNDLED_MODEL,
): AsyncGenerator<Variant> {
  const shapesOf = (kind: Kind) => SHAPES[kind].filter((shape) => asked?.includes(shape) ?? true)
  if (engine !== undefined && URL.canParse(engine)) {
    const shapes = KINDS.flatMap(shapesOf)
    yield { engine: { type: 'url', url: engine }, shapes, ...NOTHING }
    return
  }
  for (const kind of KINDS) {
    const shapes = shapesOf(kind)
    if (shapes.length === 0) continue
    if (engine === undefined) {
      // The bundled model follows no examples.
      const name = model === BUNDLED_MODEL ? 'bare-tools' : kind
      if (model === BUNDLED_MODEL && kind !== 'tools') continue
      const chatTemplate = readFileSync(fileOf(`${name}.jinja`), 'utf8')
      yield {
        engine: { type: 'embedded', modelPath: model, chatTemplate },
        shapes,
        ...NOTHING,
      }
      continue
    }
    const started = await startEngine(engine, flavour, model, kind)
    yield {
      engine: { type: 'url', url: started.baseUrl },
      shapes,
      [Symbol.asyncDispose]: async () => await started[Symbol.asyncDispose](),
    }
  }
}

const NOTHING = { [Symbol.asyncDispose]: () => Promise.resolve() }

function fileOf(name: string): string {
  return join(import.meta.dirname, 'templates', name)
}

async function startEngine(
  program: string,
  flavour: string | undefined,
  model: string,
  kind: Kind,
): Promise<EngineProcess> {
  switch (flavour) {
    case 'llama-server':
      return await startEngineProcess({
        program,
        args: (port) => [
          ...['-m', model, '--host', '127.0.0.1', '--port', String(port), '--metrics'],
          ...['--jinja', '--chat-template-file', fileOf(`${kind}.jinja`)],
          ...['-np', '4', '-c', '4096', '-t', '1'],
        ],
        env: () => ({ LD_LIBRARY_PATH: dirname(program) }),
        readyPath: '/health',
      })
    case 'ollama': {
      const template = readFileSync(fileOf(`${kind}.modelfile`), 'utf8')
      return await startOllama(program, {
        name: 'tried',
        modelfile: `FROM ${model}\n${template}`,
      })
    }
    case 'vllm':
      return await startEngineProcess({
        program,
        args: (port) => [
          ...['serve', model, '--served-model-name', 'tried'],
          ...['--host', '127.0.0.1', '--port', String(port)],
          ...['--chat-template', fileOf(`${kind}.jinja`)],
          ...['--enable-auto-tool-choice', '--tool-call-parser', 'hermes'],
          ...(kind === 'thinking' ? ['--reasoning-parser', 'qwen3'] : []),
          ...['--dtype', 'float32', '--max-model-len', '2048', '--enforce-eager'],
        ],
        env: vllmOnCpu,
        readyPath: '/health',
        readyTimeoutMs: VLLM_START_MS,
      })
    default:
      throw new Error('a program needs --flavour llama-server, --flavour ollama or --flavour vllm')
  }
}
