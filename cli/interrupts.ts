import { InferenceError } from '../protocol/index.ts'

type SignalName = 'SIGINT' | 'SIGTERM'

const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const

/** The part of `process` that this needs. */
export interface SignalSource {
  on(name: SignalName | 'SIGHUP', listener: () => void): unknown
  off(name: SignalName | 'SIGHUP', listener: () => void): unknown
}

/** Signals from a person or a supervisor. */
export interface Interrupts {
  /** Fires at the first SIGINT or SIGTERM (or `stop`), with an InferenceError `cancelled` as its reason. */
  readonly signal: AbortSignal
  /** 128 plus the number of the first signal. `undefined` before it, or after `stop` alone. */
  exitCode(): number | undefined
  /** Ends the command as a signal would, without a signal's exit code. */
  stop(why: string): void
  /** Diverts SIGINT to `listener`, so that a chat can cancel an answer and stay open. @returns undo */
  intercept(listener: () => void): () => void
  /** Calls `listener` at each SIGHUP, which without a listener ends the process. @returns unsubscribe */
  onHangUp(listener: () => void): () => void
  /** Hands over a Ctrl-C that a line editor swallowed. */
  receive(name: SignalName): void
  close(): void
}

/** First signal: orderly stop. Second signal: exit at once. */
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
    onHangUp(listener) {
      source.on('SIGHUP', listener)
      return () => {
        source.off('SIGHUP', listener)
      }
    },
    receive,
    close() {
      source.off('SIGINT', onInt)
      source.off('SIGTERM', onTerm)
    },
  }
}
