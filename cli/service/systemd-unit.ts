import { UsageError } from '../usage-error.ts'
import { type Service, serviceName } from './service.ts'

/** A unit must not be killed while an engine loads its model, or while answers are finished. */
const START = '15min'
const STOP = '2min'
/** The event loop has hung if it sends no sign of life for this long. */
const WATCHDOG_SECONDS = 60

/** What holds in units of users as well: no setting that needs mount namespaces. */
const HARDENED = [
  'NoNewPrivileges=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'SystemCallArchitectures=native',
  'UMask=0077',
]

/** No MemoryDenyWriteExecute: V8 compiles at run time. No PrivateDevices: an engine may use the GPU. */
const HARDENED_SYSTEM = [
  'DynamicUser=yes',
  'StateDirectory=skein',
  'CacheDirectory=skein',
  'ConfigurationDirectory=skein',
  'Environment=XDG_DATA_HOME=%S XDG_CACHE_HOME=%C XDG_CONFIG_HOME=%E',
  'CapabilityBoundingSet=',
  'ProtectSystem=strict',
  'ProtectHome=yes',
  'PrivateTmp=yes',
  'ProtectClock=yes',
  'ProtectControlGroups=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'ProtectProc=invisible',
  'RestrictNamespaces=yes',
]

/**
 * A unit for systemd. Signs of life go through `systemd-notify`, a process of its own, hence `NotifyAccess=all`.
 *
 * @throws UsageError for an argument that a unit cannot hold
 */
export function systemdUnit({ role, scope, command }: Service): string {
  const isSystem = scope === 'system'
  return `${[
    '[Unit]',
    `Description=Skein ${role}`,
    ...(isSystem ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    '',
    '[Service]',
    'Type=notify',
    'NotifyAccess=all',
    `ExecStart=${command.map(quoted).join(' ')}`,
    'ExecReload=/bin/kill -HUP $MAINPID',
    `SyslogIdentifier=${serviceName(role)}`,
    `TimeoutStartSec=${START}`,
    `TimeoutStopSec=${STOP}`,
    `WatchdogSec=${WATCHDOG_SECONDS}`,
    'Restart=always',
    'RestartSec=5',
    '# Options that are invalid do not become valid by trying again.',
    'RestartPreventExitStatus=2',
    'LimitNOFILE=65536',
    ...HARDENED,
    ...(isSystem ? HARDENED_SYSTEM : []),
    '',
    '[Install]',
    `WantedBy=${isSystem ? 'multi-user.target' : 'default.target'}`,
  ].join('\n')}\n`
}

/** As systemd.service(5) reads command lines. */
function quoted(argument: string): string {
  if (/[\r\n\0]/.test(argument)) throw new UsageError('an argument of a service has a line break')
  const escaped = argument
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$')
  return /^[\w@%+=:,./-]+$/.test(argument) ? escaped : `"${escaped}"`
}
