import type { Session } from '../runtime.ts'
import { listModels } from './ask-door.ts'
import { type Door, findDoors } from './door-file.ts'

/**
 * The running processes that serve a model's file, in memory or not.
 *
 * @param dataDir one more directory to look into, beside the usual ones
 * @throws InferenceError `dial_failed` if a process does not say what it serves
 */
export async function servingDoors(
  session: Pick<Session, 'env' | 'signal'>,
  path: string,
  dataDir?: string,
): Promise<readonly Door[]> {
  const usual = await findDoors(session.env)
  const named = dataDir === undefined ? [] : await findDoors(session.env, dataDir)
  const doors = new Map([...usual, ...named].map((door) => [door.url, door]))
  const serving: Door[] = []
  for (const door of doors.values()) {
    if (await serves(session, door, path)) serving.push(door)
  }
  return serving
}

async function serves(
  { signal }: Pick<Session, 'signal'>,
  door: Door,
  path: string,
): Promise<boolean> {
  for await (const { model } of listModels(door, { signal })) {
    if (model.isServed && model.path === path) return true
  }
  return false
}
