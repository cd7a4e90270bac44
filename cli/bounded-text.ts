export interface BoundedTextInit {
  readonly maxBytes: number
  /** Message of the error for a longer body. */
  readonly tooLong: string
}

/** The body of a response, as text. Memory is bounded whatever length the server states. @throws Error if it is longer */
export async function boundedText(
  { body }: Response,
  { maxBytes, tooLong }: BoundedTextInit,
): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of body ?? []) {
    bytes += part.length
    if (bytes > maxBytes) throw new Error(tooLong)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
