import type { InferenceError } from '../../protocol/index.ts'
import type { Router } from '../peers/index.ts'
import type { Candidate } from '../request/index.ts'
import type { AttemptRun } from './attempt-run.ts'
import type { Selection } from './selection.ts'

/** Reports to the router, and to the selection of this request, how its peers perform. */
export class RouteReports {
  readonly #router: Pick<Router, 'answered' | 'began' | 'failed' | 'outpaced'>
  readonly #selection: Selection

  constructor(
    router: Pick<Router, 'answered' | 'began' | 'failed' | 'outpaced'>,
    selection: Selection,
  ) {
    this.#router = router
    this.#selection = selection
  }

  /** The first piece has come. A resume also reads the answer so far, so its time says nothing about the prompt. */
  began({ candidate, choice, note }: AttemptRun): void {
    if (candidate === undefined || note?.ttftMs === undefined || choice?.resume !== undefined)
      return
    this.#router.began(candidate, this.#selection.routing(), note.ttftMs)
  }

  /** Another attempt was faster. Says something about this peer only if it had not begun. */
  outpaced({ candidate, note }: AttemptRun): void {
    if (candidate === undefined || note === undefined || note.ttftMs !== undefined) return
    this.#router.outpaced(candidate, this.#selection.routing(), note.elapsedMs)
  }

  failed(
    candidate: Candidate,
    error: InferenceError,
    options: { readonly isHang: boolean } = { isHang: false },
  ): void {
    this.#selection.failed(candidate, error, options)
    this.#router.failed(candidate, error.code)
  }

  /** The answer is complete. Does nothing for an attempt that was cut off. */
  answered({ candidate, note, done, decodeMs }: AttemptRun): void {
    if (candidate === undefined || note === undefined || done === undefined) return
    const { usage, timings } = done
    this.#router.answered(candidate, this.#selection.routing(), {
      ttftMs: note.ttftMs ?? note.elapsedMs,
      prefillMs: timings.prefillMs,
      promptTokens: usage.promptTokens,
      cachedPromptTokens: usage.cachedPromptTokens,
      completionTokens: note.tokens,
      decodeMs,
    })
  }
}
