import { existsSync } from 'node:fs'
import { plainLine } from '../../protocol/index.ts'
import { onFileChange } from '../../storage/index.ts'
import { ConfigError, configPath } from '../config/index.ts'
import type { Session } from '../runtime.ts'
import type { SharedOptions } from '../shared-options.ts'
import { UsageError } from '../usage-error.ts'
import type { LivePart } from './live-part.ts'
import { reload } from './reload.ts'
import { ReloadError } from './reload-error.ts'
import { isBlank, settledText } from './settled-text.ts'

export interface FollowOptions extends SharedOptions {
  /** Follow the file; otherwise only SIGHUP reads it again. */
  readonly watch?: boolean
}

/**
 * Reads the configuration again on SIGHUP, and with `--watch` whenever the file changes, and puts changed settings in force.
 * A configuration that cannot be used changes nothing. At a terminal SIGHUP means that the terminal was closed, and ends
 * the process as ever.
 */
export function followConfig<O extends FollowOptions>(
  session: Session,
  options: O,
  parts: readonly LivePart<O>[],
): AsyncDisposable {
  const { terminal, env } = session
  let inForce = options
  let last: Promise<void> = Promise.resolve()
  const { path } = configPath({ env, config: options.config })
  let hadFile = path !== '' && existsSync(path)
  const readAgain = async (): Promise<void> => {
    try {
      const text = path === '' ? undefined : await settledText(path)
      if (hadFile && (text === undefined || isBlank(text))) {
        const what = text === undefined ? 'the file is gone' : 'the file is empty'
        throw new UsageError(`${path}: ${what}; for the defaults, restart without it`)
      }
      const { options: after, changes, accept } = await session.reread<O>(text)
      const { applied, needRestart } = await reload({ parts, before: inForce, after, changes })
      accept()
      hadFile ||= text !== undefined
      inForce = after
      terminal.emit({ event: 'reloaded', applied, needRestart } as { event: 'reloaded' })
      terminal.log(plainLine(summary(applied, needRestart)))
    } catch (error) {
      const message = plainLine(error instanceof Error ? error.message : String(error))
      const field =
        error instanceof ConfigError || error instanceof ReloadError ? error.field : undefined
      const line = error instanceof ConfigError ? error.line : undefined
      terminal.emit({ event: 'reload_failed', message, field, line } as { event: 'reload_failed' })
      const isPart = error instanceof ReloadError && error.isPart
      const kept = isPart
        ? 'The configuration is partly in force; restart'
        : 'The configuration stays as it was'
      terminal.log(`${kept}: ${message}`, { level: 'warn' })
    }
  }
  const next = (): void => {
    last = last.then(readAgain)
  }
  const offHangUp = terminal.isTerminal ? () => {} : session.interrupts.onHangUp(next)
  const watch = options.watch === true && path !== '' ? onFileChange(path, next) : undefined
  return {
    async [Symbol.asyncDispose]() {
      offHangUp()
      watch?.[Symbol.dispose]()
      await last
    },
  }
}

function summary(applied: readonly string[], needRestart: readonly string[]): string {
  if (applied.length + needRestart.length === 0) return 'The configuration has not changed.'
  const done = applied.length === 0 ? [] : [`In force: ${applied.join(', ')}.`]
  const later = needRestart.length === 0 ? [] : [`After a restart: ${needRestart.join(', ')}.`]
  return ['The configuration was read again.', ...done, ...later].join(' ')
}
