import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { watchForIdle } from './process-time.ts'

/** From the start of a process until its peer can be used, less the time in which it works or waits for a processor. */
const START_TIMEOUT_MS = 90_000
/** The same, however much it works. */
const MAX_START_MS = 600_000

/** First message of a child: its addresses and models, or the reason for its failure. */
export type FirstMessage<Ready> =
  | { readonly type: 'ready'; readonly ready: Ready }
  | { readonly type: 'failed'; readonly message: string }

/** A peer in a process of its own, which ends with its parent. */
export interface ForkedPeer<Ready> extends AsyncDisposable {
  readonly child: ChildProcess
  readonly pid: number
  readonly ready: Ready
  readonly alive: boolean
  /** Sends a message to the child; does nothing once it has ended. */
  send(message: object): void
  /** Sends SIGKILL and waits for the end. What the peer sent by then may still arrive. */
  kill(): Promise<void>
}

/**
 * Forks a module, sends it one message, and waits until it is ready.
 *
 * @param startTimeoutMs for a child that starts many peers; a loaded machine extends it
 * @param launch put before the child's command line, such as that of another network namespace
 * @throws Error if the child fails, ends, or is not ready in time
 */
export async function forkPeer<Ready>(
  module: URL,
  task: object,
  startTimeoutMs: number = START_TIMEOUT_MS,
  launch: readonly string[] = [],
): Promise<ForkedPeer<Ready>> {
  const [execPath, ...execArgv] = [...launch, process.execPath]
  const child = fork(module, { stdio: 'inherit', execPath, execArgv })
  const exited = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  child.send(task)
  const ready = await readyOf<Ready>(child, startTimeoutMs).catch(async (error: unknown) => {
    await kill()
    throw error
  })
  return {
    child,
    pid: child.pid ?? 0,
    ready,
    get alive() {
      return child.exitCode === null && child.signalCode === null
    },
    send: (message) => void child.send(message, () => {}),
    kill,
    [Symbol.asyncDispose]: kill,
  }
}

function readyOf<Ready>(child: ChildProcess, timeoutMs: number): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      late[Symbol.dispose]()
      child.off('message', onMessage)
      child.off('exit', onExit)
      act()
    }
    const fail = (why: string): void => settle(() => reject(new Error(why)))
    const onExit = (): void => fail('the peer ended before it was ready')
    const onMessage = (message: FirstMessage<Ready>): void => {
      if (message.type === 'ready') settle(() => resolve(message.ready))
      if (message.type === 'failed') fail(message.message)
    }
    const late = watchForIdle(child.pid ?? 0, {
      idleS: timeoutMs / 1_000,
      maxMs: Math.max(timeoutMs, MAX_START_MS),
      onStuck: () => fail('the peer was not ready in time'),
    })
    child.on('message', onMessage)
    child.on('exit', onExit)
  })
}

/** The child's side: runs the task that the parent sends first, and ends with the parent. */
export function serveParent<Task, Ready, Message>(
  run: (task: Task) => Promise<Ready>,
  onMessage: (message: Message) => void = () => {},
): void {
  const tell = (message: FirstMessage<Ready>): void => void process.send?.(message)
  process.once('message', (task: Task) => {
    process.on('message', onMessage)
    run(task).then(
      (ready) => tell({ type: 'ready', ready }),
      (error: unknown) => tell({ type: 'failed', message: String(error) }),
    )
  })
  process.on('disconnect', () => process.exit(0))
}
