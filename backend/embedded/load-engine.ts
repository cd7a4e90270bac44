import { homedir, tmpdir } from 'node:os'
import type { Llama, LlamaContext, LlamaModel, Token } from 'node-llama-cpp'
import { isEmbeddedInstalled } from './installed.ts'
import type { EngineSettings } from './messages.ts'

/** Tokens of one batch, over all sequences. */
const BATCH_TOKENS = 512

export interface LoadedEngine {
  readonly llama: Llama
  readonly model: LlamaModel
  /** Absent for a model that only embeds. */
  readonly context: LlamaContext | undefined
  /** Tokens of prompt and answer together. */
  readonly contextLength: number
  readonly vocabularySize: number
  /** Spellings of the tokens that a prompt's template may use and a user's text may not. */
  readonly specialTexts: readonly string[]
}

/** Imports the installed engine. @throws an error that says how to install it, or why it cannot be loaded */
export async function importEngine(): Promise<typeof import('node-llama-cpp')> {
  nameHome()
  try {
    return await import('node-llama-cpp')
  } catch (cause) {
    const why = isEmbeddedInstalled()
      ? `the embedded engine cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`
      : 'the embedded engine is not installed: run `npm install node-llama-cpp`'
    throw new Error(why, { cause })
  }
}

/** The engine asks for the home directory on import, although it stores nothing there. A container's user may have none. */
function nameHome(): void {
  try {
    homedir()
  } catch {
    process.env['HOME'] = tmpdir()
  }
}

/** Loads the model. Slow for large ones; `onProgress` gets fractions of 1. */
export async function loadEngine(
  settings: EngineSettings,
  onProgress: (fraction: number) => void,
): Promise<LoadedEngine> {
  const { getLlama, LlamaLogLevel } = await importEngine()
  // The default of max(4, cores) threads collapses on small or busy machines.
  const llama = await getLlama({
    gpu: settings.gpu,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    maxThreads: settings.threads,
  })
  const model = await llama.loadModel({
    modelPath: settings.modelPath,
    // On a CPU a mapped file occupies memory beside the repacked weights.
    useMmap: settings.gpu === false ? false : 'auto',
    onLoadProgress: onProgress,
  })
  const limit = Math.min(settings.contextSize, model.trainContextSize)
  const shared = { model, llama, ...readVocabulary(model) }
  if (settings.embeddingOnly) return { ...shared, context: undefined, contextLength: limit }
  const context = await model.createContext({
    contextSize: limit,
    sequences: settings.slots,
    threads: settings.threads,
    batchSize: Math.min(BATCH_TOKENS, limit),
  })
  return { ...shared, context, contextLength: Math.min(limit, context.contextSize) }
}

function readVocabulary(model: LlamaModel): Pick<LoadedEngine, 'vocabularySize' | 'specialTexts'> {
  const specialTexts: string[] = []
  let vocabularySize = 0
  for (const token of model.iterateAllTokens()) {
    vocabularySize++
    if (isSpecial(model, token)) specialTexts.push(model.detokenize([token], true))
  }
  return { vocabularySize, specialTexts }
}

/** Spellings that llama.cpp looks for when it parses special tokens. */
function isSpecial(model: LlamaModel, token: Token): boolean {
  const { control, userDefined, unknown } = model.getTokenAttributes(token)
  return control || userDefined || unknown
}
