import { userInfo } from 'node:os'
import { join } from 'node:path'
import { homeDirectory } from '../directories.ts'
import type { Environment } from '../environment.ts'
import { UsageError } from '../usage-error.ts'
import { launchdLabel, launchdPlist } from './launchd-plist.ts'
import { type Service, type ServiceRole, type ServiceScope, serviceName } from './service.ts'
import { systemdUnit } from './systemd-unit.ts'

type CommandLine = readonly [string, ...string[]]

/** How one kind of supervisor keeps a service. */
export interface Supervisor {
  /** The file that describes the service. */
  path(role: ServiceRole): string
  text(service: Service): string
  /** Commands, in order. */
  start(role: ServiceRole): readonly CommandLine[]
  /** Before the file is removed; they may fail where the service does not run. */
  stop(role: ServiceRole): readonly CommandLine[]
  /** After the file is removed. */
  readonly forget: readonly CommandLine[]
  status(role: ServiceRole): CommandLine
  logs(role: ServiceRole, follow: boolean): CommandLine
}

/** @throws UsageError where Skein knows no supervisor */
export function supervisorOf(
  platform: NodeJS.Platform,
  scope: ServiceScope,
  env: Environment,
): Supervisor {
  if (platform === 'linux') return systemd(scope, env)
  if (platform === 'darwin') return launchd(scope, env)
  throw new UsageError(
    `skein service knows systemd and launchd; on ${platform} set up a service by hand, as docs/operations.md shows`,
  )
}

function systemd(scope: ServiceScope, env: Environment): Supervisor {
  const own = scope === 'user' ? ['--user'] : []
  const config = (): string => env.XDG_CONFIG_HOME ?? join(homeDirectory(env), '.config')
  const directory = scope === 'user' ? join(config(), 'systemd/user') : '/etc/systemd/system'
  const unit = (role: ServiceRole): string => `${serviceName(role)}.service`
  const reload: CommandLine = ['systemctl', ...own, 'daemon-reload']
  return {
    path: (role) => join(directory, unit(role)),
    text: systemdUnit,
    start: (role) => [
      reload,
      ['systemctl', ...own, 'enable', unit(role)],
      ['systemctl', ...own, 'restart', unit(role)],
    ],
    stop: (role) => [['systemctl', ...own, 'disable', '--now', unit(role)]],
    forget: [reload],
    status: (role) => ['systemctl', ...own, '--no-pager', 'status', unit(role)],
    logs: (role, follow) => [
      'journalctl',
      ...own,
      ...['--unit', unit(role), '--lines', '100'],
      ...(follow ? ['--follow'] : ['--no-pager']),
    ],
  }
}

function launchd(scope: ServiceScope, env: Environment): Supervisor {
  const isUser = scope === 'user'
  const library = isUser ? join(homeDirectory(env), 'Library') : '/Library'
  const directory = join(library, isUser ? 'LaunchAgents' : 'LaunchDaemons')
  const logDirectory = join(library, 'Logs')
  const domain = isUser ? `gui/${userInfo().uid}` : 'system'
  const path = (role: ServiceRole): string => join(directory, `${launchdLabel(role)}.plist`)
  const target = (role: ServiceRole): string => `${domain}/${launchdLabel(role)}`
  return {
    path,
    text: (service) => launchdPlist(service, logDirectory),
    start: (role) => [
      ['launchctl', 'bootstrap', domain, path(role)],
      ['launchctl', 'kickstart', target(role)],
    ],
    stop: (role) => [['launchctl', 'bootout', target(role)]],
    forget: [],
    status: (role) => ['launchctl', 'print', target(role)],
    logs: (role, follow) => [
      'tail',
      ...['-n', '100'],
      ...(follow ? ['-F'] : []),
      join(logDirectory, `${serviceName(role)}.log`),
    ],
  }
}
