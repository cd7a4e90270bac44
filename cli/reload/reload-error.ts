import { InferenceError } from '../../protocol/index.ts'
import type { Change } from '../config/index.ts'
import { UsageError } from '../usage-error.ts'

/** Settings that are valid each by itself and cannot be used together. */
export class ReloadError extends UsageError {
  override readonly name = 'ReloadError'
  /** The changed setting that is at fault, or the first of those that may be. */
  readonly field: string
  /** Some changes are in force and could not be undone. */
  readonly isPart: boolean

  constructor(cause: unknown, changes: readonly Change[], isPart: boolean) {
    const change = changeAtFault(cause, changes)
    const why = cause instanceof Error ? cause.message : String(cause)
    // A setting that was removed has no line.
    const place = change === undefined || change.from === 'default' ? '' : `${change.from}: `
    super(`${place}${change?.setting.name ?? ''}: ${why}`)
    this.field = change?.setting.name ?? ''
    this.isPart = isPart
  }
}

/** The setting that the error names: by its field, or in its text. */
function changeAtFault(cause: unknown, changes: readonly Change[]): Change | undefined {
  const param = cause instanceof InferenceError ? (cause.details.param ?? '') : ''
  const message = cause instanceof Error ? cause.message : ''
  return (
    changes.find(({ setting }) => param === setting.name || param === setting.key) ??
    changes.find(({ setting }) => new RegExp(`\\b${setting.name}\\b`).test(message)) ??
    changes[0]
  )
}
