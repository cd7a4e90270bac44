/**
 * The log: the one way of the program to stderr.
 *
 * @example
 * const door = new LogDoor(process.stderr)
 * door.configure({ format: 'json', role: 'node' })
 * door.write('The engine does not answer.', { level: 'warn' })
 *
 * @packageDocumentation
 */
export { LogDoor, type Warning } from './log-door.ts'
export type { LogFields } from './log-level.ts'
export { earlyLogSettings, type LogOptions, withLogOptions } from './log-options.ts'
