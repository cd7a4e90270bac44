import type { RightsChange } from '../console/index.ts'
import { type ApiKey, createApiKey, type KeyRights } from '../gateway/index.ts'
import { defined } from '../protocol/index.ts'
import { changeKeys } from './gateway-keys.ts'
import { UsageError } from './usage-error.ts'

/** Adds, changes and removes the API keys of a file. */
export class KeyBook {
  readonly #path: string
  readonly #check: (keys: readonly ApiKey[]) => void

  /** @param check throws if keys must not become these */
  constructor(path: string, check: (keys: readonly ApiKey[]) => void = () => {}) {
    this.#path = path
    this.#check = check
  }

  /**
   * @returns the key, of which only a hash is kept
   * @throws UsageError if the name is taken or blank
   */
  async add(name: string, rights: RightsChange): Promise<string> {
    if (name.trim() === '') throw new UsageError('a key needs a name')
    const { key, kept } = createApiKey(name, changed({}, rights))
    await this.#change((keys) => {
      if (keys.some((other) => other.name === name)) {
        throw new UsageError(`a key named ${name} already exists`)
      }
      return [...keys, kept]
    })
    return key
  }

  /** Rights that are not named stay. @throws UsageError if there is no such key */
  async change(name: string, rights: RightsChange): Promise<void> {
    await this.#change((keys) => {
      if (!keys.some((key) => key.name === name)) throw new UsageError(`no key is named ${name}`)
      return keys.map((key) => (key.name === name ? changed(key, rights) : key))
    })
  }

  /** @throws UsageError if there is no such key */
  async remove(name: string): Promise<void> {
    await this.#change((keys) => {
      const left = keys.filter((key) => key.name !== name)
      if (left.length === keys.length) throw new UsageError(`no key is named ${name}`)
      return left
    })
  }

  async #change(change: (keys: readonly ApiKey[]) => readonly ApiKey[]): Promise<void> {
    await changeKeys(this.#path, (keys) => {
      const next = change(keys)
      this.#check(next)
      return next
    })
  }
}

/** `null` takes a restriction away. A budget begins now; a changed one does not forget what was used of it. */
function changed<T extends KeyRights>(before: T, rights: RightsChange): T {
  const { budget } = rights
  const sinceMs = before.budget?.sinceMs ?? Date.now()
  const next = { ...before, ...defined(rights), ...(budget && { budget: { ...budget, sinceMs } }) }
  return Object.fromEntries(
    Object.entries(next).filter(([, value]) => value !== null),
  ) as unknown as T
}
