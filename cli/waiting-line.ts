import type { ProgressReport } from '../client/index.ts'
import { shortId } from './explain/index.ts'
import type { Terminal } from './terminal.ts'

/** What the peers do before the answer begins: a line on the terminal that each report replaces, or events for a script. */
export class WaitingLine {
  readonly #terminal: Terminal
  #shown: boolean = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show({ peerId, progress }: ProgressReport): void {
    const terminal = this.#terminal
    const event = { event: 'progress', peerId, ...progress }
    terminal.emit(event)
    if (terminal.json || !terminal.stderrIsTty) return
    this.#shown = true
    terminal.status(`Peer ${shortId(peerId)} ${words(progress)} (Ctrl-C ends the wait)`)
  }

  /** Removes the line. */
  clear(): void {
    if (this.#shown) this.#terminal.status('')
    this.#shown = false
  }
}

function words(progress: ProgressReport['progress']): string {
  switch (progress.phase) {
    case 'queued':
      return progress.ahead === 0
        ? 'has queued the request'
        : `has queued the request behind ${progress.ahead}`
    case 'loading':
      return progress.share === undefined
        ? 'loads the model'
        : `loads the model: ${Math.floor(progress.share * 100)} %`
    case 'prefill':
      return `reads the prompt: ${progress.tokens} of ${progress.of} tokens`
    case 'working':
      return 'works on the request'
    default:
      return progress satisfies never
  }
}
