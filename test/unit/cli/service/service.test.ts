import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { giveSignsOfLife, supervisorOf, systemdUnit } from '../../../../cli/service/index.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'

const command = ['/usr/bin/node', '/opt/skein/main.js', 'node'] as const

describe('a unit for systemd', () => {
  it('of a user has a watchdog, a reload and what can be taken from a user’s process', () => {
    expect(systemdUnit({ role: 'node', scope: 'user', command })).toMatchInlineSnapshot(`
      "[Unit]
      Description=Skein node

      [Service]
      Type=notify
      NotifyAccess=all
      ExecStart=/usr/bin/node /opt/skein/main.js node
      ExecReload=/bin/kill -HUP $MAINPID
      SyslogIdentifier=skein-node
      TimeoutStartSec=15min
      TimeoutStopSec=2min
      WatchdogSec=60
      Restart=always
      RestartSec=5
      # Options that are invalid do not become valid by trying again.
      RestartPreventExitStatus=2
      LimitNOFILE=65536
      NoNewPrivileges=yes
      LockPersonality=yes
      RestrictRealtime=yes
      RestrictSUIDSGID=yes
      RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
      SystemCallArchitectures=native
      UMask=0077

      [Install]
      WantedBy=default.target
      "
    `)
  })

  it('of the machine has its own user, and writes nowhere but to its directories', () => {
    expect(systemdUnit({ role: 'bootstrap', scope: 'system', command })).toMatchInlineSnapshot(`
      "[Unit]
      Description=Skein bootstrap
      Wants=network-online.target
      After=network-online.target

      [Service]
      Type=notify
      NotifyAccess=all
      ExecStart=/usr/bin/node /opt/skein/main.js node
      ExecReload=/bin/kill -HUP $MAINPID
      SyslogIdentifier=skein-bootstrap
      TimeoutStartSec=15min
      TimeoutStopSec=2min
      WatchdogSec=60
      Restart=always
      RestartSec=5
      # Options that are invalid do not become valid by trying again.
      RestartPreventExitStatus=2
      LimitNOFILE=65536
      NoNewPrivileges=yes
      LockPersonality=yes
      RestrictRealtime=yes
      RestrictSUIDSGID=yes
      RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
      SystemCallArchitectures=native
      UMask=0077
      DynamicUser=yes
      StateDirectory=skein
      CacheDirectory=skein
      ConfigurationDirectory=skein
      Environment=XDG_DATA_HOME=%S XDG_CACHE_HOME=%C XDG_CONFIG_HOME=%E
      CapabilityBoundingSet=
      ProtectSystem=strict
      ProtectHome=yes
      PrivateTmp=yes
      ProtectClock=yes
      ProtectControlGroups=yes
      ProtectHostname=yes
      ProtectKernelLogs=yes
      ProtectKernelModules=yes
      ProtectKernelTunables=yes
      ProtectProc=invisible
      RestrictNamespaces=yes

      [Install]
      WantedBy=multi-user.target
      "
    `)
  })

  it('keeps arguments apart, and expands nothing in them', () => {
    const unit = systemdUnit({
      role: 'node',
      scope: 'user',
      command: ['/a b/node', '--operator', 'say "hi" \\ for $100 and 5%', ''],
    })
    expect(unit).toContain(
      'ExecStart="/a b/node" --operator "say \\"hi\\" \\\\ for $$100 and 5%%" ""\n',
    )
    const broken = ['/node', 'a\nExecStartPre=/bin/rm'] as const
    expect(() => systemdUnit({ role: 'node', scope: 'user', command: broken })).toThrow(
      /line break/,
    )
  })

  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0
  it.skipIf(!hasSystemd).each(['user', 'system'] as const)(
    'of a %s passes systemd-analyze',
    (scope) => {
      const directory = mkdtempSync(join(tmpdir(), 'skein-unit-'))
      try {
        const file = join(directory, 'skein-node.service')
        const unit = systemdUnit({ role: 'node', scope, command: [process.execPath, 'a b%', '$x'] })
        writeFileSync(file, unit)
        const { stderr, stdout } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
          encoding: 'utf8',
        })
        expect((stdout + stderr).split('\n').filter((line) => line.includes('skein-node'))).toEqual(
          [],
        )
      } finally {
        rmSync(directory, { recursive: true })
      }
    },
  )
})

describe('a service of launchd', () => {
  it('is a property list with escaped arguments', () => {
    const launchd = supervisorOf('darwin', 'system', {})
    const text = launchd.text({ role: 'node', scope: 'system', command: ['/node', '<a&b>'] })
    expect(text).toContain('<string>/node</string>\n    <string>&lt;a&amp;b&gt;</string>')
    expect(text).toContain('/Library/Logs/skein-node.log')
    expect(launchd.path('node')).toBe('/Library/LaunchDaemons/skein.node.plist')
    expect(launchd.start('node')[0]).toEqual([
      ...['launchctl', 'bootstrap', 'system'],
      '/Library/LaunchDaemons/skein.node.plist',
    ])
  })
})

it('says where services are set up by hand', () => {
  expect(() => supervisorOf('win32', 'user', {})).toThrow('docs/operations.md')
})

describe('signs of life', () => {
  function signs(env: Record<string, string>, fails = false) {
    const clock = new VirtualClock()
    const told: string[] = []
    const errors: unknown[] = []
    const life = giveSignsOfLife({
      ...{ env, pid: 7, clock, onError: (error) => errors.push(error) },
      run: async (name, args) => {
        told.push([name, ...args].join(' '))
        if (fails) throw new Error('not found')
      },
    })
    return { clock, told, errors, life }
  }

  it('come twice in a period of the watchdog, after the word that all is ready', async () => {
    const { clock, told, life } = signs({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '60000000' })
    expect(told).toEqual(['systemd-notify --ready --pid=7'])
    await clock.advance(60_000)
    expect(told.slice(1)).toEqual(['systemd-notify WATCHDOG=1', 'systemd-notify WATCHDOG=1'])
    life[Symbol.dispose]()
    await clock.advance(60_000)
    expect(told.at(-1)).toBe('systemd-notify STOPPING=1')
  })

  it('are given only where a supervisor asks for them, and a failure is reported once', async () => {
    expect(signs({}).told).toEqual([])
    const other = signs({ NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '2000', WATCHDOG_PID: '8' })
    await other.clock.advance(60_000)
    expect(other.told).toHaveLength(1)
    const failing = signs({ NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '2000000' }, true)
    await failing.clock.advance(5_000)
    expect(failing.errors).toHaveLength(1)
  })
})
