import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSandbox, LOOPBACK, type Sandbox } from '../../testing/cli/index.ts'

const COUNTED = `${Array.from({ length: 60 }, (_, index) => index + 1).join(', ')}.`

let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await createSandbox()
})

afterAll(() => sandbox.close())

it('answers in a fourth terminal over the swarm of three, also without --bootstrap once the bootstrap peer is dead', async () => {
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

  const models = await sandbox.runHere(['models', '--bootstrap', address])
  expect(models.stdout).toMatch(/^skein-tiny\S* +2 /m)

  const status = await sandbox.runHere(['status'])
  expect(status.stdout.match(/^(node|bootstrap) 12D3Koo/gm)?.sort()).toEqual([
    'bootstrap 12D3Koo',
    'node 12D3Koo',
    'node 12D3Koo',
  ])
  expect(status.stdout).toContain('/skein/node-2')

  bootstrap.child.kill('SIGKILL')
  await bootstrap.finished
  const alone = await sandbox.runHere(['ask', '--json', 'Count from 1 to 5.'])
  expect(alone.events().at(-1), alone.stderr).toMatchObject({ text: '1, 2, 3, 4, 5.' })

  for (const peer of [first, second]) peer.child.kill('SIGINT')
  for (const peer of [first, second]) {
    expect(await peer.finished).toMatchObject({ exitCode: 0, signal: null })
  }
  const after = await sandbox.runHere(['status'])
  expect(after.stdout).toMatch(/^bootstrap 12D3Koo.*\n {2}not running/)
  expect(after.stdout).not.toContain('running for')
}, 90_000)
