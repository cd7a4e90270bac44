import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { EXIT } from '../../cli/exit-codes.ts'
import { isAlive } from '../../storage/index.ts'
import {
  type CliCommand,
  createSandbox,
  LOOPBACK,
  type LocalCommand,
  type Sandbox,
} from '../../testing/cli/index.ts'

const counted = (last: number): string =>
  `${Array.from({ length: last }, (_, index) => index + 1).join(', ')}.`

// Whole processes on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let sandbox: Sandbox
let address: string
let node: LocalCommand
let peerId: string

beforeAll(async () => {
  sandbox = await createSandbox()
  const bootstrap = sandbox.startHere(['bootstrap', '--json', ...LOOPBACK])
  const ready = await bootstrap.event('ready')
  address = ready.addresses[0] ?? ''
  node = sandbox.startHere([
    ...['node', '--json', '--backend', 'embedded', '--slots', '2', '--bootstrap', address],
    ...LOOPBACK,
  ])
  peerId = (await node.event('ready')).peerId
}, 60_000)

afterAll(() => sandbox.close())

const join = (): string[] => ['--json', '--bootstrap', address]

describe('ready', () => {
  it('reports peer ids, addresses and models', async () => {
    const ready = await node.event('ready')
    expect(ready).toEqual({
      event: 'ready',
      peerId: expect.stringMatching(/^12D3Koo/),
      addresses: [expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3Koo/)],
      models: ['skein-tiny'],
      reachability: 'lan',
      evidence: [],
      seenAt: expect.any(Array),
      advice: expect.any(String),
      swarmName: expect.stringMatching(/^swarm-/),
    })
    expect(node.stdout()).toBe(`${JSON.stringify(ready)}\n`)
  })
})

describe('ask --json', () => {
  it('prints deltas with who served them, then the whole with its attempts', async () => {
    const asked = await sandbox.run([
      ...['ask', ...join(), '--model', 'skein-tiny', '--max-tokens', '200'],
      ...['--temperature', '0', '--seed', '7', 'Count from 1 to 12.'],
    ])
    expect(asked.exitCode, asked.stderr).toBe(0)
    const events = asked.events()
    const deltas = events.slice(0, -1)
    expect(deltas.length).toBeGreaterThan(5)
    for (const delta of deltas) {
      expect(delta).toEqual({ event: 'delta', text: expect.any(String), peerId })
    }
    expect(deltas.map(({ text }) => text).join('')).toBe(counted(12))
    expect(events.at(-1)).toEqual({
      event: 'done',
      text: counted(12),
      usage: expect.objectContaining({ completion_tokens: expect.any(Number) }),
      finishReason: 'stop',
      attempts: [
        {
          ...{ peerId, reason: 'first', outcome: 'answered', startedMs: expect.any(Number) },
          ...{ ttftMs: expect.any(Number), durationMs: expect.any(Number) },
          ...{ tokens: expect.any(Number), deliveredTokens: expect.any(Number) },
        },
      ],
    })
  })

  it('reads the prompt from stdin and stops at the token limit', async () => {
    const asked = await sandbox.runHere(['ask', ...join(), '--max-tokens', '3', '-'], {
      stdin: 'Count from 1 to 60.\n',
    })
    expect(asked.events().at(-1)).toMatchObject({ event: 'done', finishReason: 'length' })
  })

  it('works several times at once on one data directory', async () => {
    const ask = (last: number): string[] => ['ask', ...join(), `Count from 1 to ${last}.`]
    const asked = await Promise.all([
      ...[5, 6].map((last) => sandbox.run(ask(last))),
      ...[7, 8].map((last) => sandbox.runHere(ask(last))),
    ])
    expect(asked.map((run) => run.events().at(-1)?.text)).toEqual([5, 6, 7, 8].map(counted))
  })

  it('lists the available models if the requested one does not exist, and exits with 4', async () => {
    const asked = await sandbox.runHere(['ask', ...join(), '--model', 'nonesuch', 'Hello.'])
    expect(asked.exitCode).toBe(4)
    expect(asked.events()).toEqual([
      expect.objectContaining({
        event: 'error',
        code: 'model_not_found',
        message: expect.stringContaining('skein-tiny'),
        available: [{ model: 'skein-tiny', peers: 1, peerIds: [expect.any(String)] }],
      }),
    ])
  })

  it('reports both numbers of a prompt that is too long, and exits with 6', async () => {
    const asked = await sandbox.runHere(['ask', ...join(), '--model', 'skein-tiny', '-'], {
      stdin: 'one two three four '.repeat(5_000),
    })
    expect(asked.exitCode).toBe(6)
    const error = asked.events().at(-1)
    expect(error).toMatchObject({ event: 'error', code: 'context_too_long' })
    expect(error?.promptTokens).toBeGreaterThan(error?.contextLength ?? 0)
  })

  it.each([
    ['no bootstrap peer was named', [], /bootstrap/],
    [
      'a bootstrap peer is down',
      [
        '--bootstrap',
        `/ip4/127.0.0.1/tcp/9/p2p/12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA`,
      ],
      /tcp\/9/,
    ],
  ])('says why there are no peers where %s, and exits with 3', async (_what, flags, why) => {
    const asked = await sandbox.runHere([
      ...['ask', '--json', '--data-dir', `${sandbox.home}/stranger`, ...flags],
      'Hello.',
    ])
    expect(asked.exitCode).toBe(3)
    const [error] = asked.events()
    expect(error).toMatchObject({ event: 'error', code: 'no_peers' })
    expect(error?.message).toMatch(why)
  })

  it.each([
    ['--temperature', 'hot'],
    ['--policy', 'quorum:3-of-2'],
    ['--resume', 'maybe'],
  ])('calls a wrong %s by its name, and exits with 2', async (flag, value) => {
    const asked = await sandbox.runHere(['ask', '--json', flag, value, 'Hello.'])
    expect(asked.exitCode).toBe(2)
    expect(asked.events()).toEqual([
      { event: 'error', code: 'usage', message: expect.stringContaining(flag) },
    ])
  })
})

describe('ask --explain', () => {
  it('leaves stdout to the answer and prints the timeline on stderr', async () => {
    const asked = await sandbox.runHere([
      ...['ask', '--bootstrap', address, '--policy', 'single', '--resume', 'off', '--explain'],
      'Count from 1 to 12.',
    ])
    expect(asked).toMatchObject({ exitCode: 0, stdout: `${counted(12)}\n` })
    expect(asked.stderr).toMatch(/^chat, skein-tiny: answered\n/)
    expect(asked.stderr).toMatch(
      new RegExp(`first +…${peerId.slice(-6)} .* \\d+ ms +\\d+ {2}answered\n`),
    )
    expect(asked.stderr).toContain('policy     single, resume off\n')
  })

  it('gives a script the record before the last event', async () => {
    const asked = await sandbox.runHere(['ask', ...join(), '--explain', 'Count from 1 to 5.'])
    expect(asked.events().at(-1)).toMatchObject({ event: 'done', text: counted(5) })
    expect(asked.events().at(-2)).toMatchObject({
      event: 'explain',
      outcome: 'answered',
      policy: 'hedge',
      resume: 'same-model',
      attempts: [{ peerId, reason: 'first', outcome: 'answered' }],
      cost: { attempts: 0 },
    })
  })

  it('reports a failed request, too', async () => {
    const asked = await sandbox.runHere([
      ...['ask', '--bootstrap', address, '--explain', '--model', 'nonesuch', 'Hello.'],
    ])
    expect(asked).toMatchObject({ exitCode: 4, stdout: '' })
    expect(asked.stderr).toMatch(/^chat, nonesuch: lacks the model \(model_not_found\)\n/)
    expect(asked.stderr).toContain('No peer was asked.\n')
    expect(asked.stderr).toContain('\nskein: ')
  })
})

describe('models and peers', () => {
  it('list the served models and their peers', async () => {
    const [models, peers] = await Promise.all([
      sandbox.runHere(['models', ...join()]),
      sandbox.runHere(['peers', ...join()]),
    ])
    expect(models.events()).toEqual([
      expect.objectContaining({ event: 'model', id: 'skein-tiny', peers: [peerId] }),
    ])
    expect(peers.events()).toEqual([
      expect.objectContaining({ event: 'peer', peerId, state: 'ready', models: ['skein-tiny'] }),
    ])
  })
})

describe('doctor', () => {
  it('completes if the data directory is unusable', async () => {
    const dataDir = `${sandbox.home}/file`
    await writeFile(dataDir, '')
    const doctor = await sandbox.runHere(['doctor', '--json', '--data-dir', dataDir])
    expect(doctor.exitCode).toBe(1)
    expect(doctor.events().at(-1)).toEqual({
      ...{ event: 'done', ok: false, failed: ['data directory'] },
      todo: expect.stringContaining('--data-dir'),
    })
  })

  it('succeeds if everything works', async () => {
    const doctor = await sandbox.runHere(['doctor', ...join(), '--model', 'skein-tiny'])
    expect(doctor.events().filter(({ status }) => status === 'failed')).toEqual([])
    expect(doctor.events().at(-1)).toEqual({ event: 'done', ok: true, failed: [] })
    expect(doctor.exitCode).toBe(0)
  })

  it("says that this machine's clock is off where two peers agree, and to set it", async () => {
    const ahead = 'const now = Date.now; Date.now = () => now() + 7_200_000'
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(ahead)}` }
    const doctor = await sandbox.run(['doctor', ...join(), '--model', 'skein-tiny'], { env })
    expect(doctor.events()).toContainEqual(
      expect.objectContaining({
        ...{ event: 'step', name: 'clock', status: 'failed' },
        message: "this machine's clock is 120 min ahead of 2 of 2 peers",
        advice: expect.stringContaining('NTP'),
      }),
    )
    expect(doctor.events().at(-1)).toMatchObject({ event: 'done', ok: false, failed: ['clock'] })
  })

  it('names the step that fails and skips what depends on it', async () => {
    const doctor = await sandbox.runHere(['doctor', ...join(), '--model', 'nonesuch'])
    expect(doctor.exitCode).toBe(1)
    expect(doctor.events().at(-1)).toEqual({
      ...{ event: 'done', ok: false, failed: ['model'] },
      todo: expect.stringContaining('node --model'),
    })
    expect(doctor.events()).toContainEqual(
      expect.objectContaining({ event: 'step', name: 'answer', status: 'skipped' }),
    )
  })
})

describe('chat', () => {
  it('answers line by line, and starts over at /reset', async () => {
    const chat = await sandbox.runHere(['chat', ...join(), '--temperature', '0'], {
      stdin: 'Count from 1 to 3.\n/reset\nCount from 1 to 4.\n/exit\n',
    })
    const done = chat.events().filter(({ event }) => event === 'done')
    expect(done.map(({ text }) => text)).toEqual([counted(3), counted(4)])
  })
})

describe('signals', () => {
  const slowly = (name: string): string[] => [
    ...['node', '--json', '--backend', 'embedded', '--max-tokens-per-second', '80'],
    ...['--data-dir', `${sandbox.home}/${name}`, ...LOOPBACK],
  ]
  /** Asks only that node: with an empty data directory, the client knows no other peer. */
  const askSlowly = async (
    slow: CliCommand,
    more: readonly string[] = [],
  ): Promise<LocalCommand> => {
    const { addresses, peerId: slowId } = await slow.event('ready')
    const asking = sandbox.startHere([
      ...['ask', '--json', '--data-dir', `${sandbox.home}/asks-${slowId}`],
      ...['--bootstrap', addresses[0] ?? '', ...more, 'Count from 1 to 60.'],
    ])
    expect(await asking.event('delta')).toMatchObject({ peerId: slowId })
    return asking
  }

  it('finish the running answer at the first SIGTERM', async () => {
    const slow = sandbox.start(slowly('draining'))
    const asking = await askSlowly(slow)
    slow.child.kill('SIGTERM')
    expect(await slow.event('draining')).toMatchObject({ inFlight: 1 })
    expect((await asking.finished).events().at(-1)).toMatchObject({ text: counted(60) })
    expect((await asking.finished).exitCode).toBe(0)
    expect(await slow.finished).toMatchObject({ exitCode: 0, signal: null })
  })

  it('end the node at once at the second', async () => {
    const slow = sandbox.start(slowly('dying'))
    const asking = await askSlowly(slow, ['--timeout', '15'])
    slow.child.kill('SIGTERM')
    await slow.event('draining')
    slow.child.kill('SIGTERM')
    expect(await slow.finished).toMatchObject({ exitCode: 143 })
    expect(isAlive(slow.pid)).toBe(false)
    const answer = await asking.finished
    const error = answer.events().at(-1)
    // The deadline may pass during the last dial.
    const isLate = answer.exitCode === EXIT.deadline
    const code = isLate ? 'deadline_exceeded' : expect.any(String)
    expect(error).toMatchObject({ event: 'error', code })
    if (!isLate) expect(answer.exitCode).toBe(EXIT.peersFailed)
    // There is no other peer, and this one may come back: it is dialled until the deadline.
    const [first, ...later] = error?.attempts.map(({ reason }) => reason) ?? []
    expect(first).toBe('first')
    expect(later.filter((reason) => reason !== 'resume')).toEqual([])
    expect(error?.attempts.map(({ outcome }) => outcome)).not.toContain('answered')
  })

  it('break off an ask, with 130, and stop the work at the peer', async () => {
    const slow = sandbox.startHere(slowly('asked'))
    const asking = await askSlowly(slow)
    asking.interrupt('SIGINT')
    const answer = await asking.finished
    expect(answer.exitCode).toBe(130)
    expect(answer.events().at(-1)).toMatchObject({ event: 'error', code: 'cancelled' })
    slow.interrupt('SIGTERM')
    expect(await slow.event('draining')).toMatchObject({ inFlight: 0 })
    await slow.finished
  })
})

describe('a private swarm', () => {
  it('admits only peers with the invite', async () => {
    const created = await sandbox.runHere(['swarm', 'create', '--json'])
    const key = created.events()[0]?.invite ?? ''
    const entry = sandbox.startHere(['bootstrap', '--invite', key, ...LOOPBACK])
    const [, invite = ''] = await entry.seen(/node --invite (\S+)\n/)
    const info = await sandbox.runHere(['swarm', 'info', '--json', invite])
    const [entryAddress = ''] = info.events()[0]?.addresses ?? []
    const dataDir = ['--data-dir', `${sandbox.home}/inside`]
    const inside = sandbox.startHere(
      ['node', '--json', '--backend', 'embedded', ...dataDir, ...LOOPBACK],
      { SKEIN_INVITE: invite },
    )
    await inside.event('ready')
    const ask = ['ask', '--json', '--invite', invite, 'Count from 1 to 5.']
    const friend = await sandbox.runHere(ask)
    expect(friend.events().at(-1), friend.stderr).toMatchObject({ text: counted(5) })
    const stranger = await sandbox.runHere([
      ...['ask', '--json', '--data-dir', `${sandbox.home}/outside`, '--bootstrap', entryAddress],
      'Count from 1 to 5.',
    ])
    expect(stranger.exitCode).toBe(3)
  })
})

it('ends quietly when the reader of its output has seen enough', async () => {
  const asking = sandbox.start(['ask', '--bootstrap', address, 'Count from 1 to 60.'])
  asking.child.stdout.destroy()
  const { exitCode, stderr } = await asking.finished
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
})
