import { useState } from 'preact/hooks'

/** The actions of a page. */
export interface Run {
  /** Of the latest one; empty if it did not fail. */
  readonly error: string
  readonly isBusy: (name: string) => boolean
  /** @returns whether the work succeeded */
  run(name: string, work: () => Promise<unknown>): Promise<boolean>
}

/** Runs actions of a page, one at a time for each name, and keeps the latest failure. */
export function useAction(): Run {
  const [error, setError] = useState('')
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set())
  return {
    error,
    isBusy: (name) => busy.has(name),
    async run(name, work) {
      setError('')
      setBusy((before) => new Set([...before, name]))
      try {
        await work()
        return true
      } catch (failure) {
        setError(failure instanceof Error ? failure.message : String(failure))
        return false
      } finally {
        setBusy((before) => new Set([...before].filter((one) => one !== name)))
      }
    },
  }
}
