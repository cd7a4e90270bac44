import type { Readable } from 'node:stream'
import { UsageError } from './usage-error.ts'

/** More than any model's context; nodes refuse longer requests. */
const MAX_STDIN_BYTES = 16_777_216

/**
 * The prompt of `skein ask`: its words joined, or stdin if the only word is `-`.
 *
 * @throws UsageError if the prompt is empty; the signal's reason, since stdin may stay open forever
 */
export async function readPrompt(
  words: readonly string[],
  stdin: Readable & { readonly isTTY?: boolean },
  signal: AbortSignal,
): Promise<string> {
  const fromStdin = (words.length === 1 && words[0] === '-') || (words.length === 0 && !stdin.isTTY)
  const prompt = fromStdin ? await readAll(stdin, signal) : words.join(' ')
  if (prompt.trim() === '') {
    throw new UsageError(
      'nothing to ask: write a prompt after the options, or - to read it from stdin',
    )
  }
  return prompt
}

async function readAll(stdin: Readable, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted()
  const stop = (): void => void stdin.destroy(signal.reason as Error)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await decoded(stdin)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function decoded(stdin: AsyncIterable<Uint8Array | string>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of stdin) {
    text += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true })
    if (text.length > MAX_STDIN_BYTES) throw new UsageError('the prompt on stdin is too long')
  }
  return text + decoder.decode()
}
