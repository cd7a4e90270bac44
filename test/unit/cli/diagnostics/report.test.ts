import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { gatewayCommand } from '../../../../cli/commands/gateway.ts'
import { modelsCommand } from '../../../../cli/commands/models.ts'
import { createRedaction, reportText, shownSettings } from '../../../../cli/diagnostics/index.ts'
import type { Runtime } from '../../../../cli/runtime.ts'
import { createSwarmKey, encodeInvite } from '../../../../host/index.ts'

const directory = mkdtempSync(join(tmpdir(), 'skein-report-'))
afterAll(() => rmSync(directory, { recursive: true }))

const runtime = { action: () => async () => {} } as unknown as Runtime
const commands = new Map(
  [gatewayCommand(runtime), modelsCommand(runtime)].map((command) => [command.name(), command]),
)

const PEER = '12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
const INVITE = encodeInvite({ swarmKey: createSwarmKey(), bootstrap: [] })
const SECRETS = {
  fileSecret: 'from-a-file-9f8e7d',
  envSecret: 'from-the-environment-77',
  typedByMistake: 'sk-proj-0123456789abcdefghij',
  password: 'hunter2hunter2',
  invite: INVITE,
  hub: 'hf_ABCDEFGHIJKLMNOPQRST',
  address: '203.0.113.77',
  six: '2001:db8::77',
  host: 'machine-of-anna.example',
}

async function report(yaml: string, said: readonly string[]): Promise<string> {
  const env = { MY_API_KEY: SECRETS.envSecret, SKEIN_INVITE: INVITE, HF_TOKEN: SECRETS.hub }
  const { settings, secrets } = await shownSettings(yaml, 'skein.yaml', { env, commands })
  const text = reportText({
    version: '0',
    settings,
    status: said,
    warnings: said.map((message) => ({ role: 'node', atMs: 0, message })),
    checks: said,
  })
  return createRedaction(env, secrets)(text)
}

describe('a report for an issue', () => {
  it('contains no secret of the configuration or the environment, wherever it was repeated', async () => {
    const secretFile = join(directory, 'secret')
    writeFileSync(secretFile, `${SECRETS.fileSecret}\n`)
    const yaml = `
invite: ${INVITE}
bootstrap: /dns4/${SECRETS.host}/tcp/4801/p2p/${PEER}
gateway:
  allow-host: \${file:${secretFile}}
  provider:
    cloud: https://user:${SECRETS.password}@${SECRETS.host}/v1?key=${SECRETS.password}
  provider-key: { cloud: ${SECRETS.typedByMistake} }
  cors-origin: ${SECRETS.typedByMistake}
  requests-per-minute: 60
  canaries: off
`
    const said = Object.values(SECRETS)
      .filter((secret) => secret !== SECRETS.host)
      .map((secret) => `failed with ${secret} at /ip4/${SECRETS.address}/tcp/1/p2p/${PEER}`)
    const text = await report(yaml, [
      ...said,
      `/dns4/${SECRETS.host}/tcp/1`,
      `https://anna:${SECRETS.password}@x.example/?token=${SECRETS.password}`,
      `Bearer ${SECRETS.typedByMistake}`,
      `${homedir()}/.local/share/skein`,
      'GwM2q9Zx8v7Lk3Jh5Tn1Rb6Yc4Wd0Ff2Ss8Pp7Mm3Qq', // Unknown, and long.
    ])
    for (const [name, secret] of Object.entries(SECRETS)) {
      expect(text.includes(secret), name).toBe(false)
    }
    expect(text).not.toContain('GwM2q9Zx8v7')
    expect(text).not.toContain(homedir())
    // What helps is still there.
    expect(text).toContain(PEER)
    expect(text).toContain('gateway.requests-per-minute: 60')
    expect(text).toContain('gateway.canaries: off')
    expect(text).toContain('gateway.provider-key: (set)')
  })

  it('shows no part of a file that it cannot read', async () => {
    const text = await report(`gateway:\n  provider-key: "${SECRETS.password}\n`, [])
    expect(text).not.toContain(SECRETS.password)
    expect(text).toContain('skein config check')
  })
})
