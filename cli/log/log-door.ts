import { plainText } from '../../protocol/index.ts'
import { jsonLine } from '../json-line.ts'
import { type LogFields, type LogFormat, type LogLevel, rankOf } from './log-level.ts'

/** Warnings and errors that are kept for reports. */
const KEPT = 20
const MAX_KEPT_LENGTH = 1_000

/** The part of stderr that the log needs. */
interface Sink {
  write(text: string, written?: () => void): unknown
}

export interface LogSettings {
  readonly format: LogFormat
  /** Lines below it are dropped. */
  readonly level: LogLevel
  /** The command that writes, e.g. `node`. */
  readonly role: string
}

export interface Warning {
  readonly atMs: number
  readonly message: string
}

/**
 * What the program writes to stderr, from every part of it: as text for people, or as one JSON object a line. Text of
 * peers cannot steer a terminal.
 */
export class LogDoor {
  readonly #stderr: Sink
  readonly #nowMs: () => number
  #settings: LogSettings = { format: 'text', level: 'info', role: 'skein' }
  #warnings: Warning[] = []

  /** @param nowMs milliseconds since 1970 */
  constructor(stderr: Sink, nowMs: () => number = Date.now) {
    this.#stderr = stderr
    this.#nowMs = nowMs
  }

  get isJson(): boolean {
    return this.#settings.format === 'json'
  }

  /** Replaces the given settings. */
  configure(settings: Partial<LogSettings>): void {
    this.#settings = { ...this.#settings, ...settings }
  }

  /** The last warnings and errors, oldest first. */
  warnings(): readonly Warning[] {
    return this.#warnings
  }

  /** Writes one entry; `text` may have several lines. @param written called once it is written, or dropped */
  write(text: string, fields: LogFields = {}, written: () => void = () => {}): void {
    const { level = 'info', advice, passing: _, ...more } = fields
    const message = plainText()(text)
    if (rankOf(level) <= rankOf('warn')) this.#keep(message)
    if (rankOf(level) > rankOf(this.#settings.level)) {
      written()
      return
    }
    const hint = advice === undefined ? undefined : plainText()(advice)
    this.#stderr.write(
      this.isJson
        ? this.#line(level, message, { ...more, ...(hint !== undefined && { advice: hint }) })
        : `${message}\n${hint === undefined ? '' : `  ${hint}\n`}`,
      written,
    )
  }

  #line(level: LogLevel, message: string, fields: object): string {
    return jsonLine({
      time: new Date(this.#nowMs()).toISOString(),
      level,
      role: this.#settings.role,
      // A prefix that tells people whose line it is.
      message: message.replace(/^skein: /, ''),
      ...fields,
    })
  }

  #keep(message: string): void {
    this.#warnings.push({ atMs: this.#nowMs(), message: message.slice(0, MAX_KEPT_LENGTH) })
    if (this.#warnings.length > KEPT) this.#warnings.shift()
  }
}
