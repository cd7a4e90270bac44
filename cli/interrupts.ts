import { InferenceError } from '../protocol/index.ts'
import { type Clock, systemClock } from '../timing/index.ts'

type SignalName = 'SIGINT' | 'SIGTERM'

const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const
const INTERRUPTED = 128 + NUMBERS.SIGINT

/** The part of `process` that this needs. */
export interface SignalSource {
  on(name: SignalName | 'SIGHUP', listener: () => void): unknown
  off(name: SignalName | 'SIGHUP', listener: () => void): unknown
}

/** Signals from a person or a supervisor. */
export interface Interrupts {
  /**
   * Takes signals over. Until then the system ends the process at once, which a handler could not do while modules
   * are loaded.
   */
  listen(): void
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
  /**
   * Lets the command take its time after Ctrl-C until the hold is disposed of: it finishes answers that others wait for,
   * and has said so to the person.
   */
  hold(): Disposable
  /** @param report called if the command has not ended in time after Ctrl-C; says so, and returns the exit code */
  onLate(report: () => number): void
  close(): void
}

/** A person who pressed Ctrl-C waits at most a second; whatever a command still waits for then is not worth more. */
const GRACE_MS = 800

/**
 * First signal: orderly stop, which Ctrl-C gives {@link GRACE_MS}. A supervisor's SIGTERM has a deadline of its own.
 * Second signal: exit at once.
 */
export function createInterrupts(
  source: SignalSource,
  die: (exitCode: number) => void,
  clock: Clock = systemClock,
): Interrupts {
  const controller = new AbortController()
  let exitCode: number | undefined
  let interceptor: (() => void) | undefined
  let late: (() => number) | undefined
  let holds = 0
  let grace: Disposable | undefined
  const startGrace = (): void => {
    grace?.[Symbol.dispose]()
    if (holds > 0 || exitCode !== INTERRUPTED) return
    grace = clock.after(GRACE_MS, () => die(late?.() ?? INTERRUPTED), { background: true })
  }
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
    startGrace()
    controller.abort(new InferenceError('cancelled', `stopped by ${name}`))
  }
  const onInt = (): void => receive('SIGINT')
  const onTerm = (): void => receive('SIGTERM')
  const close = (): void => {
    grace?.[Symbol.dispose]()
    source.off('SIGINT', onInt)
    source.off('SIGTERM', onTerm)
  }
  return {
    listen() {
      close()
      source.on('SIGINT', onInt)
      source.on('SIGTERM', onTerm)
    },
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
    hold() {
      holds += 1
      grace?.[Symbol.dispose]()
      let held = true
      return {
        [Symbol.dispose]() {
          if (!held) return
          held = false
          holds -= 1
          startGrace()
        },
      }
    },
    onLate(report) {
      late = report
    },
    close,
  }
}
