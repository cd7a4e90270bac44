import { isAbsolute } from 'node:path'
import { createInterface } from 'node:readline/promises'
import {
  type Backend,
  type BackendModel,
  cachedWeightsDigest,
  createBackendFromUrl,
  hubSnapshot,
} from '../../backend/index.ts'
import { type Capability, normalizeModelId, plainLine } from '../../protocol/index.ts'
import { cacheHome, hubCache } from '../directories.ts'
import type { Session } from '../runtime.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'
import { digestsInBackground } from './digest-in-background.ts'

/** An engine's key is read from the environment: every user of the machine can read a command line. */
export function connectEngine(
  { env, signal }: Session,
  baseUrl: string,
  capabilities: readonly Capability[] | undefined,
): Promise<Backend> {
  const apiKey = env.SKEIN_BACKEND_API_KEY
  return createBackendFromUrl(
    {
      baseUrl,
      exactCapabilities: capabilities,
      ...(apiKey !== undefined && apiKey !== '' && { apiKey }),
      digestOf: digestsInBackground(async (path) => {
        // vLLM names a repository where it loaded the weights from Hugging Face's cache.
        const folder = isAbsolute(path) ? path : await hubSnapshot(path, hubCache(env))
        return await cachedWeightsDigest(folder ?? path, { cacheDir: cacheHome(env), signal })
      }),
    },
    { signal },
  )
}

/**
 * Models to share from an engine that was already running. It serves its owner too, so only named models are shared.
 *
 * @throws UsageError if no model was named and there is no terminal to ask on
 */
export async function modelsToShare(
  session: Session,
  backend: Backend,
  options: { readonly share?: readonly string[]; readonly model?: string },
): Promise<readonly string[]> {
  const named = [...(options.share ?? []), ...(options.model === undefined ? [] : [options.model])]
  if (named.length > 0) return named
  const models = await backend.models({ signal: session.signal })
  if (models.length === 0) {
    throw new UsageError(
      `${backend.description} has no models: load one, or use --backend embedded`,
    )
  }
  if (!session.terminal.interactive) throw nothingNamed(backend, models)
  const chosen = await askWhich(session, backend, models)
  if (chosen.length === 0) throw new UsageError('no model was chosen, so there is nothing to serve')
  return chosen
}

function nothingNamed(backend: Backend, models: readonly BackendModel[]): UsageError {
  const ids = models.map(({ id }) => plainLine(id))
  return new UsageError(
    `${backend.description} has ${ids.join(', ')}. Name the models to share with --share, ` +
      `e.g. --share ${ids[0] ?? ''}; or serve the bundled model with --backend embedded`,
  )
}

/** Asks a person which models to share. @throws UsageError for a name that the engine does not have */
export async function askWhich(
  session: Session,
  backend: Backend,
  models: readonly BackendModel[],
): Promise<string[]> {
  session.terminal.print(`${backend.description} has these models:\n`)
  const rows = models.map(({ id, quantization }, index) => [
    String(index + 1),
    plainLine(id),
    plainLine(quantization),
  ])
  session.terminal.print(renderTable(['#', 'MODEL', 'QUANTIZATION'], rows))
  const readline = createInterface({ input: session.stdin, output: session.stdout })
  // The line editor receives Ctrl-C while it reads.
  readline.on('SIGINT', () => session.interrupts.receive('SIGINT'))
  try {
    const answer = await readline.question('Share which? Numbers such as 1,3, "all" or "none": ', {
      signal: session.signal,
    })
    return answer.trim().toLowerCase() === 'none' ? [] : chosenModels(answer, models)
  } catch (error) {
    session.signal.throwIfAborted()
    throw error
  } finally {
    readline.close()
  }
}

/** Parses the typed answer: numbers, names, or `all`. */
export function chosenModels(answer: string, models: readonly { readonly id: string }[]): string[] {
  const words = answer.split(/[\s,]+/).filter((word) => word !== '')
  if (words.length === 0) throw new UsageError('no model was chosen, so there is nothing to serve')
  if (words.length === 1 && words[0]?.toLowerCase() === 'all') return models.map(({ id }) => id)
  return words.map((word) => {
    const byNumber = /^\d+$/.test(word) ? models[Number(word) - 1] : undefined
    const chosen = byNumber ?? models.find(({ id }) => id === normalizeModelId(word))
    if (chosen === undefined) throw new UsageError(`the engine has no model '${word}'`)
    return chosen.id
  })
}
