import { type Backend, detectBackends } from '../../backend/index.ts'
import type { Capability } from '../../protocol/index.ts'
import type { Session } from '../runtime.ts'
import { UsageError } from '../usage-error.ts'
import { createEmbeddedEngine } from './embedded-engine.ts'
import { connectEngine, modelsToShare } from './existing-engine.ts'

export interface EngineOptions {
  /** `auto`, `embedded` or a URL. */
  readonly backend: string
  /** A file for the embedded engine; a model's name at an existing one. */
  readonly model?: string
  readonly share?: readonly string[]
  readonly slots?: number
  readonly gpu?: boolean
  /** Bytes that the models of the embedded engine may use together. */
  readonly maxMemory?: number
  /** Replaces the detected capabilities. */
  readonly capabilities?: readonly Capability[]
}

export interface ChosenEngine {
  readonly backend: Backend
  /** Model ids to share. @default all: the engine was started for this node alone */
  readonly share?: readonly string[]
  /** The engine may have no model yet. */
  readonly startEmpty?: boolean
}

/**
 * Finds the engine to serve with: the named one, else one already running here, else the embedded one.
 *
 * @throws UsageError if an existing engine was found but no model of it was named for sharing
 */
export async function chooseEngine(
  session: Session,
  options: EngineOptions,
): Promise<ChosenEngine> {
  const { backend, share } = options
  if (options.gpu === true && backend !== 'embedded' && backend !== 'auto') {
    throw new UsageError(
      '--gpu applies only to the embedded engine: an engine with a URL has its own GPU settings',
    )
  }
  if (/^https?:\/\//.test(backend) && URL.canParse(backend))
    return existing(session, options, backend)
  if (backend !== 'auto' && backend !== 'embedded') {
    throw new UsageError(`--backend must be auto, embedded or a URL, not '${backend}'`)
  }
  if (backend === 'auto' && options.model === undefined) {
    const detected = options.gpu === true ? undefined : await detect(session)
    if (detected !== undefined) return existing(session, options, detected)
  }
  const pool = await createEmbeddedEngine(session, options)
  if (share === undefined) return { backend: pool }
  const models = await pool.manager.list()
  const ids = share.map((name) => models.find((model) => model.name === name)?.id ?? name)
  // --model names one more: the pool serves it and those of --share.
  const served = models.filter(({ isServed }) => options.model !== undefined && isServed)
  return { backend: pool, share: [...new Set([...ids, ...served.map(({ id }) => id)])] }
}

/** @returns the URL of an engine that runs here. */
async function detect({ terminal, signal }: Session): Promise<string | undefined> {
  const [found, ...others] = await detectBackends({}, { signal })
  if (found === undefined) return undefined
  terminal.log(`Found ${found.description}.`)
  for (const { description, baseUrl } of others) {
    terminal.log(`Also found ${description}: --backend ${baseUrl} uses it instead.`)
  }
  return found.baseUrl
}

async function existing(
  session: Session,
  options: EngineOptions,
  url: string,
): Promise<ChosenEngine> {
  const backend = await connectEngine(session, url, options.capabilities)
  try {
    return { backend, share: await modelsToShare(session, backend, options) }
  } catch (error) {
    await backend[Symbol.asyncDispose]()
    throw error
  }
}
