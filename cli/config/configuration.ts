import type { Command } from 'commander'
import type { Environment } from '../environment.ts'
import { configure, type Origin } from './configure.ts'
import { allSettingsOf } from './settings.ts'

/** The configuration of one command line. */
export interface Configuration {
  /**
   * Fills in the options that were not typed.
   *
   * @param given the file's text, instead of reading it; absent without a file
   * @throws UsageError naming the variable, or file, line and field
   */
  configure(command: Command, given?: { readonly text: string | undefined }): Promise<Origin[]>
  /** All commands by name, which are the sections of a file. */
  commands(): Promise<ReadonlyMap<string, Command>>
}

export interface ConfigurationInit {
  readonly env: Environment
  readonly names: ReadonlySet<string>
  load(): Promise<ReadonlyMap<string, Command>>
}

export function createConfiguration({ env, names, load }: ConfigurationInit): Configuration {
  let loading: Promise<ReadonlyMap<string, Command>> | undefined
  const commands = (): Promise<ReadonlyMap<string, Command>> => (loading ??= load())
  return {
    commands,
    configure: (command, given) =>
      configure(command, {
        env,
        ...(given !== undefined && { given }),
        config: command.optsWithGlobals<{ config?: string }>().config,
        sections: names,
        async isKnown(name, section) {
          const all = await commands()
          const asked = section === undefined ? [...all.values()] : [all.get(section)]
          return asked.some(
            (each) =>
              each !== undefined && allSettingsOf(each).some((setting) => setting.name === name),
          )
        },
      }),
  }
}
