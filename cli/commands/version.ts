import { Command } from 'commander'
import { configOption, jsonOption } from '../local-options.ts'
import { useProxy } from '../proxy.ts'
import type { Runtime, Session } from '../runtime.ts'
import type { SharedOptions } from '../shared-options.ts'
import { isNewer, publishedVersion, registryOf } from '../version/index.ts'

const PACKAGE = 'skein'

interface VersionOptions extends SharedOptions {
  readonly check?: boolean
}

export function versionCommand(runtime: Runtime): Command {
  return new Command('version')
    .description(
      'Prints the version. Nothing is asked over the network, unless --check asks the npm registry for the latest one.',
    )
    .option('--check', 'ask the npm registry that this user has configured for the latest version')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(runtime.action(showVersion))
}

async function showVersion(session: Session, { check }: VersionOptions): Promise<undefined> {
  const { terminal, version, env, signal } = session
  if (check !== true) {
    terminal.emit({ event: 'version', version } as { event: 'version' })
    terminal.print(`${version}\n`)
    return undefined
  }
  useProxy(session)
  const latest = await publishedVersion(
    { name: PACKAGE, registry: await registryOf(env) },
    { signal },
  )
  const isOutdated = isNewer(latest, version)
  terminal.emit({ event: 'version', version, latest, isOutdated } as { event: 'version' })
  terminal.print(
    isOutdated
      ? `${version}\n\nVersion ${latest} was published: npm install --global ${PACKAGE}@${latest}\n`
      : `${version}, which is the latest version.\n`,
  )
  return undefined
}
