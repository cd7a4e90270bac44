/**
 * `skein` commands, as processes or in the process of a test.
 *
 * @example
 * const sandbox = await createSandbox()
 * const node = sandbox.startHere(['node', '--json', '--backend', 'embedded', ...LOOPBACK])
 * await node.event('ready')
 * await sandbox.close()
 *
 * @packageDocumentation
 */
export type { CliCommand, CliEvent } from './command.ts'
export { type LocalCommand, runHere } from './in-process.ts'
export { type CliProcess, startCli } from './process.ts'
export { createSandbox, LOOPBACK, type Sandbox } from './sandbox.ts'
