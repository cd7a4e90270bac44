import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { InferenceError } from '../../protocol/index.ts'
import { Heartbeat } from '../heartbeat.ts'
import type { EngineFacts, EngineRates, EngineSettings, FromEngine, ToEngine } from './messages.ts'

const CHILD = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './engine-child.ts' : './engine-child.js',
    import.meta.url,
  ),
)
/** End of the process's stderr that is kept, to report why it died. */
const MAX_STDERR_CHARACTERS = 4_096
/** Time for a process to exit before it is killed. */
const EXIT_GRACE_MS = 2_000

export interface EngineReady {
  readonly facts: EngineFacts
  readonly rates: EngineRates
  /** Of the whole process. */
  readonly memoryBytes: number
}

export interface EngineProcessInit {
  readonly settings: EngineSettings
  /** The model has to be loaded within this time. */
  readonly startTimeoutMs: number
  readonly onProgress: (fraction: number) => void
  readonly onMessage: (message: FromEngine & { type: 'event' }) => void
  /** Whether it works on no request. */
  readonly isAtRest: () => boolean
  /**
   * Called once, when the process has ended for any reason.
   *
   * @param isHung whether it was killed because it no longer responded
   */
  readonly onExit: (reason: string, isHung: boolean) => void
}

/** One engine process, from its start to its end. */
export class EngineProcess {
  /** Resolves once the model is loaded; rejects with an InferenceError `engine_failed`. */
  readonly ready: Promise<EngineReady>
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>
  readonly #child: ChildProcess
  #heartbeat: Heartbeat | undefined
  #isHung: boolean = false
  #stderr = ''

  constructor(init: EngineProcessInit) {
    const child = fork(CHILD, [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR_CHARACTERS)
    })
    const { promise, resolve, reject } = Promise.withResolvers<EngineReady>()
    this.ready = promise
    // Callers that await it get the rejection; without one it must not count as unhandled.
    promise.catch(() => undefined)
    const fail = (why: string): void => {
      reject(new InferenceError('engine_failed', why))
      this.kill()
    }
    const deadline = setTimeout(
      () => fail(`the model was not loaded within ${init.startTimeoutMs} ms`),
      init.startTimeoutMs,
    )
    child.on('message', (message: FromEngine) => {
      this.#heartbeat?.heard()
      switch (message.type) {
        case 'progress':
          init.onProgress(message.fraction)
          break
        case 'ready':
          clearTimeout(deadline)
          this.#heartbeat = new Heartbeat({
            ask: () => this.send({ type: 'ping' }),
            isAtRest: init.isAtRest,
            onHung: () => {
              this.#isHung = true
              this.kill()
            },
          })
          resolve(message)
          break
        case 'unusable':
          fail(`the model cannot be loaded: ${message.message}`)
          break
        case 'event':
          init.onMessage(message)
          break
        case 'pong':
          break
        default:
          message satisfies never
      }
    })
    this.exited = new Promise((done) => {
      const end = (reason: string): void => {
        clearTimeout(deadline)
        this.#heartbeat?.[Symbol.dispose]()
        reject(new InferenceError('engine_failed', reason))
        init.onExit(reason, this.#isHung)
        done()
      }
      child.once('error', (error) => {
        if (child.pid === undefined) end(`the engine process cannot be started: ${error.message}`)
      })
      // Not `close`: it never comes after `disconnect()`.
      child.once('exit', (code, signal) => end(this.#reasonOf(code, signal)))
    })
    this.send({ type: 'start', settings: init.settings })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Whether it has been silent for some seconds. */
  get isDoubtful(): boolean {
    return this.#heartbeat?.isDoubtful === true
  }

  /** If the process has died meanwhile, `onExit` reports it. */
  send(message: ToEngine): void {
    if (message.type === 'infer') this.#heartbeat?.wake()
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  /** For a process that hangs: `onExit` follows. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Ends the process and discards its work. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), EXIT_GRACE_MS)
    await this.exited
    clearTimeout(kill)
  }

  #reasonOf(code: number | null, signal: NodeJS.Signals | null): string {
    if (this.#isHung) return 'the engine process hung and was killed'
    const how = signal === null ? `with code ${code}` : `by ${signal}`
    const lines = this.#stderr.trim().split('\n')
    // Node signs a crash with its version, behind the error.
    const error = lines.findLast((line) => /^\S*error\b/i.test(line)) ?? lines.at(-1)
    const last = error?.slice(0, 200) ?? ''
    return `the engine process ended ${how}${last === '' ? '' : `: ${last}`}`
  }
}
