import type { LocalModel, ManagedModel } from '../../backend/index.ts'
import { modelCache } from '../directories.ts'
import type { Session } from '../runtime.ts'
import { listModels } from './ask-door.ts'
import { type Door, findDoors } from './door-file.ts'
import type { Reply } from './orders.ts'

/** A model on this machine, and what processes do with it. */
export interface ModelHere
  extends Pick<ManagedModel, 'bytes' | 'id' | 'name' | 'path' | 'refusal' | 'sha256' | 'source'> {
  /** One for each process that uses or offers it, for a person. */
  readonly states: readonly string[]
}

/** The downloaded models and those of the engines of running processes. */
export async function modelsHere(
  session: Session,
  dataDir: string | undefined,
): Promise<readonly ModelHere[]> {
  const { env, terminal } = session
  // Loaded here: load, unload and top need this folder, and no engine.
  const { localModels } = await import('../../backend/index.ts')
  const [local, doors] = await Promise.all([localModels(modelCache(env)), findDoors(env, dataDir)])
  const models = new Map(local.map((model) => [model.path, ofFile(model, doors)]))
  for (const door of doors) {
    try {
      for await (const reply of listModels(door, session)) add(models, door, reply)
    } catch (error) {
      session.signal.throwIfAborted()
      // The rest is shown all the same.
      terminal.log(error instanceof Error ? error.message : String(error))
    }
  }
  return [...models.values()]
}

function ofFile({ users, ...model }: LocalModel, doors: readonly Door[]): ModelHere {
  if (model.sha256 === undefined) return { ...model, states: ['partial: pull it again'] }
  // Processes with a door say more themselves.
  const others = users.filter((pid) => !doors.some((door) => door.pid === pid))
  return { ...model, states: others.map((pid) => `in use by process ${pid}`) }
}

function add(
  models: Map<string, ModelHere>,
  { pid }: Door,
  { model, engine }: Extract<Reply, { reply: 'model' }>,
): void {
  const { path, name, state, isShared, refusal } = model
  const key = path ?? `${engine} ${name}`
  const known = models.get(key) ?? { ...model, states: [] }
  const isIdle = state === 'on-disk' || state === 'partial'
  const words = [
    ...(isIdle ? [] : [state]),
    ...(isShared ? ['shared'] : []),
    ...(refusal === undefined ? [] : ['not served']),
  ]
  if (words.length === 0 && path !== undefined) return
  const what = words.length === 0 ? 'on disk' : words.join(' and ')
  const by = engine === 'embedded' ? '' : `${engine}, `
  models.set(key, {
    ...known,
    ...(refusal !== undefined && { refusal }),
    states: [...known.states, `${what} (${by}process ${pid})`],
  })
}
