import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSandbox, LOOPBACK, type Sandbox } from './cli-process.ts'

const COUNTED = `${Array.from({ length: 60 }, (_, index) => index + 1).join(', ')}.`

let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await createSandbox()
})

afterAll(() => sandbox.close())

it('answers in a fourth terminal what was set up by copying lines between three', async () => {
  const bootstrap = sandbox.start(['bootstrap', ...LOOPBACK])
  const [, address = ''] = await bootstrap.seen(/skein -- node --bootstrap (\S+)\n/)
  const first = sandbox.start([
    'node',
    '--backend',
    'embedded',
    '--bootstrap',
    address,
    ...LOOPBACK,
  ])
  const second = sandbox.start(['node', '--backend', 'embedded', ...LOOPBACK], {
    SKEIN_BOOTSTRAP: address,
  })
  await Promise.all([first.seen(/serves skein-tiny/), second.seen(/serves skein-tiny/)])

  const asked = await sandbox.run(['ask', '--bootstrap', address, 'Count from 1 to 60.'])
  expect(asked).toMatchObject({ exitCode: 0, stdout: `${COUNTED}\n`, stderr: '' })

  const models = await sandbox.run(['models', '--bootstrap', address])
  expect(models.stdout).toMatch(/^skein-tiny\S* +2 /m)

  const status = await sandbox.run(['status'])
  expect(status.stdout.match(/^(node|bootstrap) 12D3Koo/gm)?.sort()).toEqual([
    'bootstrap 12D3Koo',
    'node 12D3Koo',
    'node 12D3Koo',
  ])
  expect(status.stdout).toContain('/skein/node-2')

  for (const peer of [first, second, bootstrap]) peer.child.kill('SIGINT')
  for (const peer of [first, second, bootstrap]) {
    expect(await peer.finished).toMatchObject({ exitCode: 0, signal: null })
  }
  expect((await sandbox.run(['status'])).stdout).toContain('Nothing runs on this machine.')
}, 90_000)
