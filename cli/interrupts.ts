import { InferenceError } from '../protocol/index.ts'

type SignalName = 'SIGINT' | 'SIGTERM'

const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const

/** The part of `process` that this needs. */
export interface SignalSource {
  on(name: SignalName, listener: () => void): unknown
  off(name: SignalName, listener: () => void): unknown
}

/** What a person or a supervisor asks of the process. */
export interface Interrupts {
  /** Fires at the first SIGINT or SIGTERM (or `stop`), with an InferenceError `cancelled` as its reason. */
  readonly signal: AbortSignal
  /** The exit code that the first signal asks for: 128 and the signal's number. `undefined` before, or after a mere `stop`. */
  exitCode(): number | undefined
  /** Ends the command as a signal would, without a signal's exit code. */
  stop(why: string): void
  /** While set, SIGINT goes here instead: a chat breaks off an answer and lives on. Returns the undoing. */
  intercept(listener: () => void): () => void
  /** Hands over a Ctrl-C that a line editor swallowed. */
  receive(name: SignalName): void
  close(): void
}

/** First signal: stop in an orderly way. Second one: die at once. */
export function createInterrupts(
  source: SignalSource,
  die: (exitCode: number) => void,
): Interrupts {
  const controller = new AbortController()
  let exitCode: number | undefined
  let interceptor: (() => void) | undefined
  const receive = (name: SignalName): void => {
    if (name === 'SIGINT' && interceptor !== undefined) {
      interceptor()
      return
    }
    const code = 128 + NUMBERS[name]
    if (controller.signal.aborted) {
      die(code)
      return
    }
    exitCode = code
    controller.abort(new InferenceError('cancelled', `stopped by ${name}`))
  }
  const onInt = (): void => receive('SIGINT')
  const onTerm = (): void => receive('SIGTERM')
  source.on('SIGINT', onInt)
  source.on('SIGTERM', onTerm)
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    stop(why) {
      controller.abort(new InferenceError('cancelled', why))
    },
    intercept(listener) {
      interceptor = listener
      return () => {
        if (interceptor === listener) interceptor = undefined
      }
    },
    receive,
    close() {
      source.off('SIGINT', onInt)
      source.off('SIGTERM', onTerm)
    },
  }
}
