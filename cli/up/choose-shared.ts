import { detectBackends, isEmbeddedInstalled } from '../../backend/index.ts'
import { plainLine } from '../../protocol/index.ts'
import {
  askWhich,
  type ChosenEngine,
  chooseEngine,
  connectEngine,
  type EngineOptions,
  openEmbeddedPool,
} from '../engine/index.ts'
import { localModelPath } from '../local-models/index.ts'
import type { Session } from '../runtime.ts'
import { recallChoice, rememberChoice } from './chosen-models.ts'

export interface ShareOptions extends EngineOptions {
  /** Share the bundled model. */
  readonly demo?: boolean
}

/**
 * The engine and the models to share: those that options name, else those that the owner chose at an earlier start, else
 * those that the owner chooses now, at a terminal.
 *
 * @param dataDir where the choice is remembered
 * @returns undefined if nothing is shared
 */
export async function chooseShared(
  session: Session,
  options: ShareOptions,
  dataDir: string,
): Promise<ChosenEngine | undefined> {
  const { terminal, commandName, signal } = session
  if (options.demo === true) return await chooseEngine(session, { ...options, backend: 'embedded' })
  const isNamed = (options.share ?? options.model) !== undefined || options.backend !== 'auto'
  if (isNamed) return await chooseEngine(session, options)
  const [found, ...others] = await detectBackends({}, { signal })
  if (found === undefined) return await embeddedShared(session, options, dataDir)
  for (const { description, baseUrl } of others) {
    terminal.log(`Also found ${description}: --backend ${baseUrl} uses it instead.`)
  }
  const backend = await connectEngine(session, found.baseUrl, options.capabilities)
  try {
    const models = await backend.models({ signal })
    const remembered = await recallChoice(dataDir, terminal)
    const known = remembered?.filter((id) => models.some((model) => model.id === id))
    let share = known
    if (share === undefined && terminal.interactive) {
      share = await askWhich(session, backend, models)
      await rememberChoice(dataDir, share)
    }
    if (share !== undefined && share.length > 0) return { backend, share, startEmpty: true }
    const names = models.map(({ id }) => plainLine(id)).join(', ')
    terminal.log(
      `${backend.description} has ${names}; nothing is shared. Name what to share: ${commandName} up --share ${plainLine(models[0]?.id ?? 'MODEL')}`,
    )
    // What is shared later is chosen in the console, or by `skein load`.
    return { backend, share: [], startEmpty: true }
  } catch (error) {
    await backend[Symbol.asyncDispose]()
    throw error
  }
}

/** The embedded engine with the downloaded models that were shared last. */
async function embeddedShared(
  session: Session,
  options: ShareOptions,
  dataDir: string,
): Promise<ChosenEngine | undefined> {
  const { terminal, commandName, env } = session
  const remembered = (await recallChoice(dataDir, terminal)) ?? []
  const paths = await Promise.all(remembered.map((name) => localModelPath(env, name)))
  const models = paths.flatMap((path) => (path === undefined ? [] : [{ path }]))
  if (models.length === 0) {
    terminal.log(
      `No engine runs on this machine, so nothing is shared. To share: start Ollama or another engine, or use ${commandName} up --demo (the bundled model) or --model FILE.gguf, or pull a model (${commandName} pull) and load it.`,
    )
  }
  if (!isEmbeddedInstalled()) return undefined
  // What was chosen at an earlier start keeps no process from starting.
  const onRefused = (reason: string): void => terminal.log(reason, { level: 'warn' })
  const backend = await openEmbeddedPool(session, { ...options, onRefused }, models)
  return { backend, startEmpty: true }
}
