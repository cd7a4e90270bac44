import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { InferenceError } from '../../protocol/index.ts'

const NEWLINE = 0x0a

/** A complete line. */
export interface Line {
  /** From 1. */
  readonly number: number
  readonly text: string
}

/**
 * The lines of a file, empty ones left out.
 *
 * @param maxLineBytes of one line
 * @throws InferenceError `invalid_request` for a longer line; errors of reading the file
 */
export async function* readLines(
  path: string,
  { maxLineBytes }: { readonly maxLineBytes: number },
): AsyncGenerator<Line, void, void> {
  let number = 0
  let parts: Buffer[] = []
  let length = 0
  const decoder = new TextDecoder('utf-8')
  const lineOf = (): Line => {
    number += 1
    const text = decoder.decode(Buffer.concat(parts)).trim()
    parts = []
    length = 0
    return { number, text }
  }
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      parts.push(chunk.subarray(from, end))
      from = end + 1
      const line = lineOf()
      if (line.text !== '') yield line
    }
    const rest = chunk.subarray(from)
    length += rest.length
    if (length > maxLineBytes) {
      throw new InferenceError(
        'invalid_request',
        `line ${number + 1} is longer than ${maxLineBytes} bytes`,
      )
    }
    if (rest.length > 0) parts.push(rest)
  }
  if (parts.length === 0) return
  const line = lineOf()
  if (line.text !== '') yield line
}

/** Truncates a file after its last complete line: a crash while writing leaves a partial one. */
export async function dropTornLine(path: string): Promise<void> {
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return
  try {
    const buffer = Buffer.alloc(65_536)
    let end = (await file.stat()).size
    while (end > 0) {
      const start = Math.max(0, end - buffer.length)
      const { bytesRead } = await file.read(buffer, 0, end - start, start)
      const newline = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE)
      if (newline !== -1) return await file.truncate(start + newline + 1)
      end = start
    }
    await file.truncate(0)
  } finally {
    await file.close()
  }
}
