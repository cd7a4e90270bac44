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
  /** In place of what the engine is found to offer. */
  readonly capabilities?: readonly Capability[]
}

export interface ChosenEngine {
  readonly backend: Backend
  /** Model ids to give away. @default everything: the engine was started for this node alone */
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
  const { backend, share } = options
  if (options.gpu === true && backend !== 'embedded' && backend !== 'auto') {
    throw new UsageError(
      '--gpu is about the embedded engine: an engine with a URL decides by itself',
    )
  }
  if (/^https?:\/\//.test(backend) && URL.canParse(backend))
    return existing(session, options, backend)
  if (backend !== 'auto' && backend !== 'embedded') {
    throw new UsageError(`--backend is auto, embedded or a URL, not '${backend}'`)
  }
  if (backend === 'auto' && options.model === undefined) {
    const detected = options.gpu === true ? undefined : await detect(session)
    if (detected !== undefined) return existing(session, options, detected)
  }
  return {
    backend: await createEmbeddedEngine(session, options),
    ...(share !== undefined && { share }),
  }
}

/** @returns the URL of an engine that runs here. */
async function detect({ terminal, signal }: Session): Promise<string | undefined> {
  const [found, ...others] = await detectBackends({}, { signal })
  if (found === undefined) return undefined
  terminal.log(`Found ${found.description}.`)
  for (const { description, baseUrl } of others) {
    terminal.log(`Also found ${description}: --backend ${baseUrl} takes it instead.`)
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
