import { expect, it } from 'vitest'
import { readPrompt } from '../../../cli/read-prompt.ts'
import { UsageError } from '../../../cli/usage-error.ts'

async function* stdin(...pieces: (string | Uint8Array)[]) {
  yield* pieces
}

it('joins words, as an unquoted prompt comes in several', async () => {
  expect(await readPrompt(['Count', 'to', '3.'], stdin())).toBe('Count to 3.')
})

it('reads stdin for -, also where a character is split between pieces', async () => {
  const bytes = new TextEncoder().encode('Grüße')
  expect(await readPrompt(['-'], stdin(bytes.subarray(0, 3), bytes.subarray(3)))).toBe('Grüße')
})

it('reads stdin where nothing was typed and it is no terminal', async () => {
  expect(await readPrompt([], stdin('piped'))).toBe('piped')
  const terminal = Object.assign(stdin('typed'), { isTTY: true })
  await expect(readPrompt([], terminal)).rejects.toThrow(UsageError)
})

it('refuses to ask nothing', async () => {
  await expect(readPrompt(['-'], stdin(' \n'))).rejects.toThrow('nothing to ask')
})
