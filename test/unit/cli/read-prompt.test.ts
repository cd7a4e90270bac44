import { PassThrough, Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { readPrompt } from '../../../cli/read-prompt.ts'
import { UsageError } from '../../../cli/usage-error.ts'

const { signal } = new AbortController()

function stdin(...pieces: (string | Uint8Array)[]): Readable {
  return Readable.from(pieces)
}

it('joins words, as an unquoted prompt comes in several', async () => {
  expect(await readPrompt(['Count', 'to', '3.'], stdin(), signal)).toBe('Count to 3.')
})

it('reads stdin for -, also where a character is split between pieces', async () => {
  const bytes = new TextEncoder().encode('Grüße')
  expect(await readPrompt(['-'], stdin(bytes.subarray(0, 3), bytes.subarray(3)), signal)).toBe(
    'Grüße',
  )
})

it('reads stdin if no prompt was typed and stdin is not a terminal', async () => {
  expect(await readPrompt([], stdin('piped'), signal)).toBe('piped')
  const terminal = Object.assign(stdin('typed'), { isTTY: true })
  await expect(readPrompt([], terminal, signal)).rejects.toThrow(UsageError)
})

it('refuses to ask nothing', async () => {
  await expect(readPrompt(['-'], stdin(' \n'), signal)).rejects.toThrow('nothing to ask')
})

it('stops waiting for an open stdin when its signal aborts', async () => {
  const stop = new AbortController()
  const reading = readPrompt(['-'], new PassThrough(), stop.signal)
  stop.abort(new Error('stopped by SIGINT'))
  await expect(reading).rejects.toThrow('stopped by SIGINT')
})
