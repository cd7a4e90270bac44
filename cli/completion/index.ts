/**
 * Scripts with which shells complete Skein's commands and options.
 *
 * @packageDocumentation
 */
export { completionScript, SHELLS, type Shell } from './completion-script.ts'
