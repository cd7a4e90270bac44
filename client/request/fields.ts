/** The model as the caller named it. What is not text fails when the request is parsed. */
export function modelOf(body: unknown): string {
  const model = fieldOf(body, 'model')
  return typeof model === 'string' ? model : ''
}

/** Whether the caller asks for a stream. What is no request at all does not, and is refused when it is parsed. */
export function wantsStream(body: unknown): boolean {
  return fieldOf(body, 'stream') === true
}

/** Whether the caller wants the usage at the end of a stream. */
export function wantsUsage(body: unknown): boolean {
  return fieldOf(fieldOf(body, 'stream_options'), 'include_usage') === true
}

/** For values that plain JavaScript may pass: anything. */
export function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as Readonly<Record<string, unknown>>)[field]
}
