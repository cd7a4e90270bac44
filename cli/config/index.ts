/**
 * Options from the environment and from `skein.yaml`: the command line wins over the environment, which wins over the
 * file. Each option has one name in all three: `--max-queue`, `SKEIN_MAX_QUEUE`, `max-queue:`.
 *
 * @example
 * import { Command } from 'commander'
 *
 * const ask = new Command('ask').option('--port <n>')
 * const configuration = createConfiguration({
 *   env: { SKEIN_PORT: '1' },
 *   names: new Set(['ask']),
 *   load: () => Promise.resolve(new Map([['ask', ask]])),
 * })
 * const origins = await configuration.configure(ask)
 *
 * @packageDocumentation
 */

export { type Change, changesOf, type Values, valuesOf } from './changes.ts'
export { checkConfig, readConfigFor } from './check-config.ts'
export { ConfigError } from './config-error.ts'
export { type Configuration, createConfiguration } from './configuration.ts'
export { configPath, type Origin, sectionOf } from './configure.ts'
export { SECRET_SETTINGS, withoutSecret } from './private-value.ts'
export { configSchema } from './schema.ts'
export { allSettingsOf, type Setting, settingsOf } from './settings.ts'
export { unknownVariables } from './unknown-variables.ts'
