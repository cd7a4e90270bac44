import { type CliProcess, createSandbox, LOOPBACK, type Sandbox } from './cli/index.ts'

/** Slow enough that a page on a busy machine sees who writes, and that two nodes end in mid-answer. */
const TOKENS_PER_SECOND = '40'

/** A node with an engine starts slowly on a loaded machine. */
const DEADLINE_MS = 150_000

/** `skein up` that shares nothing, so that every answer comes from a node that can be killed. */
export interface ConsoleSwarm extends AsyncDisposable {
  readonly url: string
  /** Starts nodes with the given flags for joining, and waits until they serve. */
  startNodes(joinFlags: readonly string[], count: number): Promise<void>
  /** Sends SIGKILL to the node whose id ends like this. */
  kill(endOfId: string): Promise<void>
}

export async function startConsoleSwarm(): Promise<ConsoleSwarm> {
  const sandbox = await createSandbox(DEADLINE_MS)
  const nodes = new Map<string, CliProcess>()
  try {
    const up = sandbox.start(['up', '--backend', 'auto', '--port', '0', ...LOOPBACK, '--json'])
    const { url } = await up.event('ready')
    return {
      url,
      startNodes: async (joinFlags, count) => {
        // One after the other: a start takes seconds of CPU, and each has a deadline.
        for (let started = 0; started < count; started += 1) {
          const node = startNode(sandbox, joinFlags)
          nodes.set((await node.event('ready')).peerId, node)
        }
      },
      kill: async (endOfId) => {
        const [id, node] = [...nodes].find(([peerId]) => peerId.endsWith(endOfId)) ?? []
        if (id === undefined || node === undefined) throw new Error(`no node ${endOfId}`)
        nodes.delete(id)
        node.child.kill('SIGKILL')
        await node.finished
      },
      [Symbol.asyncDispose]: () => sandbox.close(),
    }
  } catch (error) {
    await sandbox.close()
    throw error
  }
}

function startNode(sandbox: Sandbox, joinFlags: readonly string[]): CliProcess {
  const pace = ['--max-tokens-per-second', TOKENS_PER_SECOND]
  return sandbox.start([
    ...['node', '--backend', 'embedded', '--json'],
    ...[...pace, ...LOOPBACK, ...joinFlags],
  ])
}
