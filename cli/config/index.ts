/**
 * Options from the environment and from `skein.yaml`: the command line wins over the environment, which wins over the
 * file. Each option has one name in all three: `--max-queue`, `SKEIN_MAX_QUEUE`, `max-queue:`.
 *
 * @example
 * const configuration = createConfiguration({ env, names, load })
 * const origins = await configuration.configure(command)
 *
 * @packageDocumentation
 */
export { checkConfig } from './check-config.ts'
export { type Configuration, createConfiguration } from './configuration.ts'
export { configPath, type Origin } from './configure.ts'
export { configSchema } from './schema.ts'
export { allSettingsOf, type Setting, settingsOf } from './settings.ts'
export { unknownVariables } from './unknown-variables.ts'
