import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../../testing/cli/index.ts'

let sandbox: Sandbox
let calls: string
let env: Record<string, string>

/** Stand-ins for systemd's commands, which note how they are called; `systemctl` fails for units in `refuse`. */
beforeAll(async () => {
  sandbox = await createSandbox()
  calls = join(sandbox.home, 'calls')
  const bin = join(sandbox.home, 'bin')
  await mkdir(bin)
  for (const name of ['systemctl', 'journalctl']) {
    const path = join(bin, name)
    await writeFile(
      path,
      `#!/bin/sh\necho "${name} $*" >> '${calls}'\ncase "$*" in *restart*"$REFUSED"*) echo 'no such bus' >&2; exit 1;; esac\n`,
    )
    await chmod(path, 0o755)
  }
  env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, REFUSED: 'nothing' }
})
afterAll(() => sandbox.close())

const called = async (...args: readonly string[]): Promise<string[]> => {
  await writeFile(calls, '')
  const { exitCode, stderr } = await sandbox.runHere(['service', ...args], { env })
  expect([exitCode, stderr]).toEqual([0, ''])
  return (await readFile(calls, 'utf8')).trim().split('\n')
}

describe.skipIf(process.platform !== 'linux')('a service of systemd', () => {
  const unit = (): string => join(sandbox.home, 'config/systemd/user/skein-node.service')

  it('is installed with its options, shown, followed and removed', async () => {
    expect(await called('install', 'node', '--', '--share', 'llama3.2')).toEqual([
      'systemctl --user daemon-reload',
      'systemctl --user enable skein-node.service',
      'systemctl --user restart skein-node.service',
    ])
    const text = await readFile(unit(), 'utf8')
    expect(text).toMatch(/^ExecStart=\/.*cli\/main\.ts node --share llama3\.2$/m)
    expect(await called('status', 'node')).toEqual([
      'systemctl --user --no-pager status skein-node.service',
    ])
    expect(await called('logs', 'node', '--follow')).toEqual([
      'journalctl --user --unit skein-node.service --lines 100 --follow',
    ])
    expect(await called('uninstall', 'node')).toEqual([
      'systemctl --user disable --now skein-node.service',
      'systemctl --user daemon-reload',
    ])
    await expect(readFile(unit())).rejects.toThrow('ENOENT')
  })

  it('is not removed twice, holds no invite, and says what systemd said', async () => {
    const again = await sandbox.runHere(['service', 'uninstall', 'node'], { env })
    expect(again.exitCode).toBe(2)
    expect(again.stderr).toContain('node is not installed')
    const secret = ['service', 'install', 'node', '--', '--invite', 'skein1abc']
    const refused = await sandbox.runHere(secret, { env })
    expect(refused.exitCode).toBe(2)
    expect(refused.stderr).toContain('an invite is a secret')
    const failing = { env: { ...env, REFUSED: 'skein-gateway' } }
    const failed = await sandbox.runHere(['service', 'install', 'gateway'], failing)
    expect(failed.exitCode).toBe(2)
    expect(failed.stderr).toContain('restart skein-gateway.service failed: no such bus')
  })
})
