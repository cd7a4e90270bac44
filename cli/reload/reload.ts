import type { Change } from '../config/index.ts'
import type { LivePart } from './live-part.ts'
import { ReloadError } from './reload-error.ts'

export interface ReloadInit<O> {
  readonly parts: readonly LivePart<O>[]
  /** In force until now. */
  readonly before: O
  readonly after: O
  readonly changes: readonly Change[]
}

/** Names of settings. */
export interface Reloaded {
  readonly applied: readonly string[]
  /** Changed settings that a running command cannot take over. */
  readonly needRestart: readonly string[]
}

/**
 * Puts changed settings in force, all or none; what cannot be undone is `isPart` in the error.
 *
 * @throws ReloadError naming the setting, and the line it came from
 */
export async function reload<O>({
  parts,
  before,
  after,
  changes,
}: ReloadInit<O>): Promise<Reloaded> {
  const done: LivePart<O>[] = []
  const applied: string[] = []
  for (const part of parts) {
    const own = changes.filter(({ setting }) => part.settings.includes(setting.name))
    if (own.length === 0) continue
    try {
      await part.apply(after)
    } catch (error) {
      let isPart = false
      for (const earlier of done) {
        try {
          await earlier.apply(before)
        } catch {
          isPart = true
        }
      }
      throw new ReloadError(error, own, isPart)
    }
    done.push(part)
    applied.push(...own.map(({ setting }) => setting.name))
  }
  const needRestart = changes
    .map(({ setting }) => setting.name)
    .filter((name) => !applied.includes(name))
  return { applied, needRestart }
}
