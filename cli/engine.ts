import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import {
  type Backend,
  type BackendModel,
  createBackendFromUrl,
  createEmbeddedBackend,
  detectBackends,
} from '../backend/index.ts'
import { normalizeModelId } from '../protocol/index.ts'
import { cacheHome } from './directories.ts'
import { plainLine } from './plain-text.ts'
import { createProgress } from './progress.ts'
import type { Session } from './runtime.ts'
import { renderTable } from './table.ts'
import { UsageError } from './usage-error.ts'

/** Runs with no download. */
const BUNDLED_MODEL = { file: 'models/skein-tiny-q8_0.gguf', id: 'skein-tiny' } as const

export interface EngineOptions {
  /** `auto`, `embedded` or a URL. */
  readonly backend: string
  readonly model?: string
  readonly share?: readonly string[]
  readonly slots?: number
  readonly gpu?: boolean
}

export interface ChosenEngine {
  readonly backend: Backend
  /** Model ids to give away; everything the backend has where it was made for this node alone. */
  readonly share?: readonly string[]
}

/**
 * Finds the engine to serve with: the one that was named, else one that runs here already, else the embedded one.
 *
 * @throws UsageError where an existing engine was found but nobody said which of its models to share.
 */
export async function chooseEngine(
  session: Session,
  options: EngineOptions,
): Promise<ChosenEngine> {
  const { backend } = options
  if (/^https?:\/\//.test(backend)) {
    return existing(session, options, await fromUrl(session, backend))
  }
  if (backend !== 'auto' && backend !== 'embedded') {
    throw new UsageError(`--backend is auto, embedded or a URL, not '${backend}'`)
  }
  if (backend === 'auto' && options.model === undefined) {
    const [found, ...others] = await detectBackends({}, { signal: session.signal })
    if (found !== undefined) {
      session.terminal.log(`Found ${found.description}.`)
      for (const other of others) {
        session.terminal.log(
          `Also found ${other.description}: --backend ${other.baseUrl} takes it instead.`,
        )
      }
      const backend = await fromUrl(session, found.baseUrl)
      return existing(session, options, backend)
    }
  }
  return { backend: await embedded(session, options), ...shareOf(options.share) }
}

/** An engine's key comes from the environment: a command line is there for every user of the machine to read. */
function fromUrl(session: Session, baseUrl: string): Promise<Backend> {
  const apiKey = session.env.SKEIN_BACKEND_API_KEY
  return createBackendFromUrl(
    { baseUrl, ...(apiKey !== undefined && apiKey !== '' && { apiKey }) },
    { signal: session.signal },
  )
}

async function embedded(session: Session, options: EngineOptions): Promise<Backend> {
  const { path, id } =
    options.model === undefined
      ? { path: join(session.packageRoot, BUNDLED_MODEL.file), id: BUNDLED_MODEL.id }
      : { path: await fetchModel(session, options.model), id: undefined }
  await stat(path)
  return createEmbeddedBackend({
    modelPath: path,
    ...(id !== undefined && { modelId: id }),
    ...(options.slots !== undefined && { slots: options.slots }),
    ...(options.gpu === true && { gpu: 'auto' as const }),
    cacheDir: join(cacheHome(session.env), 'digests'),
    signal: session.signal,
  })
}

async function fetchModel(_session: Session, source: string): Promise<string> {
  return source
}

/** An engine that was there before us: it serves its owner too, so only what was named is given away. */
async function existing(
  session: Session,
  options: EngineOptions,
  backend: Backend,
): Promise<ChosenEngine> {
  const named = [...(options.share ?? []), ...(options.model === undefined ? [] : [options.model])]
  if (named.length > 0) return { backend, share: named }
  try {
    const models = await backend.models({ signal: session.signal })
    if (models.length === 0) {
      throw new UsageError(
        `${backend.description} has no models: load one, or use --backend embedded`,
      )
    }
    if (!session.terminal.interactive) throw nothingShared(backend, models)
    return { backend, share: await askWhichToShare(session, backend, models) }
  } catch (error) {
    await backend[Symbol.asyncDispose]()
    throw error
  }
}

function nothingShared(backend: Backend, models: readonly BackendModel[]): UsageError {
  const ids = models.map(({ id }) => plainLine(id))
  return new UsageError(
    `${backend.description} has ${ids.join(', ')}. Name what this node gives away with --share, ` +
      `e.g. --share ${ids[0] ?? ''}; or serve the bundled model with --backend embedded`,
  )
}

async function askWhichToShare(
  session: Session,
  backend: Backend,
  models: readonly BackendModel[],
): Promise<string[]> {
  const { terminal } = session
  terminal.print(`${backend.description} has these models:\n`)
  const rows = models.map((model, index) => [
    `${index + 1}`,
    plainLine(model.id),
    plainLine(model.quantization),
  ])
  terminal.print(renderTable(['#', 'MODEL', 'QUANTIZATION'], rows))
  const readline = createInterface({ input: session.stdin, output: session.stdout })
  try {
    const answer = await readline.question('Share which? Numbers such as 1,3 or "all": ', {
      signal: session.signal,
    })
    return chosenModels(answer, models)
  } finally {
    readline.close()
  }
}

/** What was typed as an answer: numbers, names, or `all`. */
export function chosenModels(answer: string, models: readonly { readonly id: string }[]): string[] {
  const words = answer.split(/[\s,]+/).filter((word) => word !== '')
  if (words.length === 0) throw new UsageError('nothing is shared, so there is nothing to serve')
  if (words.length === 1 && words[0]?.toLowerCase() === 'all') return models.map(({ id }) => id)
  return words.map((word) => {
    const byNumber = /^\d+$/.test(word) ? models[Number(word) - 1] : undefined
    const chosen = byNumber ?? models.find(({ id }) => id === normalizeModelId(word))
    if (chosen === undefined) throw new UsageError(`there is no model '${word}' here`)
    return chosen.id
  })
}

function shareOf(share: readonly string[] | undefined): { share?: readonly string[] } {
  return share === undefined ? {} : { share }
}
