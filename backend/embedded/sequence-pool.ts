import type { LlamaContext, LlamaContextSequence, Token } from 'node-llama-cpp'
import { chooseSequence } from './choose-sequence.ts'

interface Slot {
  readonly sequence: LlamaContextSequence
  group: string | undefined
  busy: boolean
  lastUse: number
}

interface Waiter {
  readonly prompt: readonly Token[]
  readonly group: string | undefined
  readonly grant: (lease: SequenceLease) => void
}

/** The use of one sequence, until it is released. */
export interface SequenceLease {
  readonly sequence: LlamaContextSequence
  /** It may hold tokens of another group: clear it first. */
  readonly cold: boolean
  release(): void
}

/** The engine's sequences. They stay warm between requests of one group; requests wait in order while all are busy. */
export class SequencePool {
  readonly #slots: Slot[] = []
  readonly #waiting: Waiter[] = []
  #uses = 0

  constructor(context: LlamaContext, slots: number) {
    for (let index = 0; index < slots; index++) {
      const sequence = context.getSequence()
      this.#slots.push({ sequence, group: undefined, busy: false, lastUse: 0 })
    }
  }

  /** @throws the signal's reason, while waiting. */
  async acquire(
    prompt: readonly Token[],
    group: string | undefined,
    signal: AbortSignal,
  ): Promise<SequenceLease> {
    signal.throwIfAborted()
    return this.#take(prompt, group) ?? (await this.#wait(prompt, group, signal))
  }

  #take(prompt: readonly Token[], group: string | undefined): SequenceLease | undefined {
    const states = this.#slots.map((slot) => ({ ...slot, tokens: slot.sequence.contextTokens }))
    const choice = chooseSequence(states, prompt, group)
    const slot = choice === undefined ? undefined : this.#slots[choice.index]
    if (choice === undefined || slot === undefined) return undefined
    slot.busy = true
    slot.group = group
    slot.lastUse = ++this.#uses
    return this.#lease(slot, !choice.warm)
  }

  #lease(slot: Slot, cold: boolean): SequenceLease {
    let released = false
    return {
      sequence: slot.sequence,
      cold,
      release: () => {
        if (released) return
        released = true
        slot.busy = false
        this.#serveNext()
      },
    }
  }

  #serveNext(): void {
    const waiter = this.#waiting[0]
    if (waiter === undefined) return
    const lease = this.#take(waiter.prompt, waiter.group)
    if (lease === undefined) return
    this.#waiting.shift()
    waiter.grant(lease)
  }

  #wait(
    prompt: readonly Token[],
    group: string | undefined,
    signal: AbortSignal,
  ): Promise<SequenceLease> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal.reason)
      }
      const waiter: Waiter = {
        prompt,
        group,
        grant: (lease) => {
          signal.removeEventListener('abort', leave)
          resolve(lease)
        },
      }
      this.#waiting.push(waiter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
