/**
 * The console's state in a terminal.
 *
 * @example
 * using screen = openScreen(process.stdin, process.stdout, () => process.exit())
 * screen.draw(['Hello'])
 *
 * @packageDocumentation
 */
export { openScreen } from './screen.ts'
export { applied, viewLines } from './view.ts'
