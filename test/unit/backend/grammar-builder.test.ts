import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  GRAMMAR_LIMITS,
  GrammarBuilder,
  type GrammarProcess,
} from '../../../backend/embedded/grammar-builder.ts'
import type { FromGrammars, ToGrammars } from '../../../backend/embedded/grammar-messages.ts'
import { grammarSchema } from '../../../backend/embedded/json-schema.ts'
import { VirtualClock } from '../../../testing/virtual-clock.ts'
import { systemClock } from '../../../timing/index.ts'

const MODEL = join(import.meta.dirname, '../../../models/skein-tiny-q8_0.gguf')
const schema = (name: string) => ({ type: 'object', properties: { [name]: { type: 'string' } } })
const TOO_COSTLY = { code: 'capability_unavailable', details: { param: 'response_format' } }

/** Answers as the test says. */
class FakeProcess extends EventEmitter {
  readonly asked: (ToGrammars & { type: 'build' })[] = []
  isKilled: boolean = false

  send(message: ToGrammars): boolean {
    if (message.type === 'load') this.tell({ type: 'ready' })
    else {
      this.asked.push(message)
      this.emit('asked')
    }
    return true
  }

  tell(message: FromGrammars): void {
    queueMicrotask(() => this.emit('message', message))
  }

  answer(text: string, engineMs = 1): void {
    const { id } = this.asked.at(-1) ?? { id: 0 }
    this.tell({ type: 'built', id, text, engineMs })
  }

  kill(): boolean {
    this.isKilled = true
    queueMicrotask(() => this.emit('exit'))
    return true
  }
}

let clock: VirtualClock
let processes: FakeProcess[]
let builder: GrammarBuilder
/** Runs when a process is asked for a grammar. */
let onAsked: (process: FakeProcess) => void

beforeEach(() => {
  clock = new VirtualClock()
  processes = []
  onAsked = (process) => process.answer('root ::= "a"')
  builder = new GrammarBuilder({
    modelPath: 'model.gguf',
    clock,
    start: () => {
      const process = new FakeProcess()
      process.on('asked', () => onAsked(process))
      processes.push(process)
      return process as unknown as GrammarProcess
    },
  })
})
afterEach(() => builder[Symbol.dispose]())

describe('a grammar', () => {
  it('is built once for a schema, in one process for all', async () => {
    for (const name of ['a', 'b', 'a']) {
      expect(await builder.text(schema(name), undefined)).toBe('root ::= "a"')
    }
    expect(processes).toHaveLength(1)
    expect(processes[0]?.asked).toHaveLength(2)
  })

  it('that takes longer than a second is refused, and its process killed', async () => {
    onAsked = () => {}
    const slow = builder.text(schema('slow'), undefined)
    const next = builder.text(schema('next'), undefined)
    slow.catch(() => {})
    await clock.run(GRAMMAR_LIMITS.buildMs - 1)
    onAsked = (process) => process.answer('root ::= "b"')
    expect(processes).toMatchObject([{ isKilled: false }])
    await clock.run(GRAMMAR_LIMITS.buildMs)
    await expect(slow).rejects.toMatchObject(TOO_COSTLY)
    // The next one is not affected.
    expect(await next).toBe('root ::= "b"')
    expect(processes).toMatchObject([{ isKilled: true }, { isKilled: false }])
    // The machine may have been busy.
    expect(await builder.text(schema('slow'), undefined)).toBe('root ::= "b"')
  })

  it('that the process refuses is not built again', async () => {
    onAsked = (process) => process.answer('root', 1e3)
    for (const _ of [1, 2]) {
      await expect(builder.text(schema('a'), undefined)).rejects.toMatchObject(TOO_COSTLY)
    }
    expect(processes[0]?.asked).toHaveLength(1)
  })

  it.each([
    ['would block the engine', (process: FakeProcess) => process.answer('root', 1e3)],
    ['is too long', (process: FakeProcess) => process.answer('x'.repeat(2e6))],
    ['crashes its process', (process: FakeProcess) => void process.emit('exit')],
  ])('that %s is refused', async (_, behave) => {
    onAsked = behave
    await expect(builder.text(schema('a'), undefined)).rejects.toMatchObject(TOO_COSTLY)
  })

  it('whose caller leaves is not waited for', async () => {
    onAsked = () => {}
    const leaving = new AbortController()
    const text = builder.text(schema('a'), leaving.signal)
    leaving.abort(new Error('gone'))
    await expect(text).rejects.toThrow('gone')
  })

  it('does not keep an unused process', async () => {
    await builder.text(schema('a'), undefined)
    await clock.run(GRAMMAR_LIMITS.idleMs)
    expect(processes).toMatchObject([{ isKilled: true }])
  })
})

it('real schemas within the bounds are built', { timeout: 60_000 }, async () => {
  using real = new GrammarBuilder({ modelPath: MODEL, clock: systemClock })
  const properties = Object.fromEntries(
    Array.from({ length: 100 }, (_, n) => [`property ${n}`, { type: 'string', maxLength: 500 }]),
  )
  const asked = grammarSchema({
    type: 'json_schema',
    json_schema: { name: 'x', schema: { type: 'object', properties } },
  })
  expect(await real.text(asked ?? {}, undefined)).toContain('root ::=')
})
