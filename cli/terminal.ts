import { styleText } from 'node:util'
import { plainText } from '../protocol/index.ts'
import { jsonLine } from './json-line.ts'
import { LogDoor, type LogFields, type Warning } from './log/index.ts'

type Style = Parameters<typeof styleText>[0]

/** The part of a writable stream that the CLI needs. */
export interface Output {
  write(text: string, written?: () => void): unknown
  readonly isTTY?: boolean
}

export interface TerminalInit {
  readonly stdout: Output
  readonly stderr: Output
  readonly stdinIsTty: boolean
  /** stdout carries one JSON object a line and nothing else. */
  readonly json: boolean
  /** @default one of this terminal's own */
  readonly log?: LogDoor
  /** Colours on a terminal. @default true */
  readonly color?: boolean
}

/**
 * Output of a command. Human-readable text goes to stdout through `print`, unless `json` is set: then only `emit`
 * reaches stdout. Logs always go to stderr.
 */
export interface Terminal {
  readonly json: boolean
  /** Whether a person can be prompted. */
  readonly interactive: boolean
  readonly stdoutIsTty: boolean
  readonly stderrIsTty: boolean
  /** Whether input or output is a terminal, which a person may close. */
  readonly isTerminal: boolean
  /** Writes human-readable text to stdout unchanged. Dropped in JSON mode. */
  print(text: string): void
  /** Writes an event to stdout. Dropped unless in JSON mode. */
  emit(event: { readonly event: string }): void
  /** Writes a line to stderr, with control characters removed. */
  log(line: string, fields?: LogFields): void
  /** The last warnings and errors that were logged, oldest first. */
  warnings(): readonly Warning[]
  /** Replaces the current line of stderr. Terminals only; nothing where the log is JSON. */
  status(text: string): void
  /** `text` in this style, if stdout supports styles. */
  style(format: Style, text: string): string
}

export function createTerminal(init: TerminalInit): Terminal {
  const { stdout, stderr, json, log = new LogDoor(init.stderr) } = init
  const stdoutIsTty = stdout.isTTY === true
  const stderrIsTty = stderr.isTTY === true
  const colored = !json && stdoutIsTty && init.color !== false
  return {
    json,
    interactive: !json && init.stdinIsTty && stdoutIsTty,
    stdoutIsTty,
    stderrIsTty,
    isTerminal: init.stdinIsTty || stdoutIsTty || stderrIsTty,
    print(text) {
      if (!json) stdout.write(text)
    },
    emit(event) {
      if (json) stdout.write(jsonLine(event))
    },
    log: (line, fields) => log.write(line, fields),
    warnings: () => log.warnings(),
    status(text) {
      if (log.isJson) return
      stderr.write(`\r\u001b[2K${plainText()(text)}`)
    },
    style: (format, text) => (colored ? styleText(format, text, { validateStream: false }) : text),
  }
}
