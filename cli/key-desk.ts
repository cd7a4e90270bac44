import type { KeyActions, KeyView } from '../console/index.ts'
import { type ApiKey, isUnrestrictedKey } from '../gateway/index.ts'
import { InferenceError } from '../protocol/index.ts'
import type { LiveKeys } from './gateway-keys.ts'
import { KeyBook } from './key-book.ts'
import { UsageError } from './usage-error.ts'

/** The API keys, as the console shows them. */
export function keyViews(keys: LiveKeys): KeyView[] {
  return keys.current().map((key) => {
    const { hash: _, ...shown } = key
    return { ...shown, opensConsole: isUnrestrictedKey(key) }
  })
}

/** The API keys, as the console changes them. What was changed holds when a method returns. */
export function keyDesk(keys: LiveKeys): KeyActions {
  const book = new KeyBook(keys.path, checkConsoleOpens)
  const done = async <T>(change: Promise<T>): Promise<T> => {
    try {
      return await change
    } catch (error) {
      throw error instanceof UsageError
        ? new InferenceError('invalid_request', error.message)
        : error
    } finally {
      await keys.reread()
    }
  }
  return {
    create: (name, rights) => done(book.add(name, rights)),
    change: (name, rights) => done(book.change(name, rights)),
    remove: (name) => done(book.remove(name)),
  }
}

/** The console needs a key that may do everything: it must not shut out its own user. */
function checkConsoleOpens(keys: readonly ApiKey[]): void {
  if (keys.some(isUnrestrictedKey)) return
  throw new UsageError(
    'one key without restrictions must remain, because this page opens with nothing else: create that one first. On the command line, skein gateway key changes and removes any of them',
  )
}
