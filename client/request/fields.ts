/** The model as the caller named it; empty if it is not a string, which validation rejects later. */
export function modelOf(body: unknown): string {
  const model = fieldOf(body, 'model')
  return typeof model === 'string' ? model : ''
}

/** Whether the caller asks for a stream. False for a body that is not an object, which validation rejects later. */
export function wantsStream(body: unknown): boolean {
  return fieldOf(body, 'stream') === true
}

/** Whether the caller wants the usage at the end of a stream. */
export function wantsUsage(body: unknown): boolean {
  return fieldOf(fieldOf(body, 'stream_options'), 'include_usage') === true
}

/** Reads one field of an unvalidated value. */
export function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as Readonly<Record<string, unknown>>)[field]
}
