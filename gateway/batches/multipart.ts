import { InferenceError } from '../../protocol/index.ts'

/** A file and some fields. */
const MAX_PARTS = 16
/** Of one part. */
const MAX_HEADER_BYTES = 4_096
/** What file systems accept. */
const MAX_FILENAME_LENGTH = 255
const CRLF = '\r\n'
const HEADER_END = '\r\n\r\n'

/** One part of a form, RFC 7578. */
export interface FormPart {
  readonly name: string
  /** Absent for a field that is not a file. */
  readonly filename?: string
  /** A view of the body. */
  readonly content: Uint8Array
}

/**
 * The parts of a multipart form. Parts are views, not copies, and their number and headers are bounded, so that
 * the time is linear in the size of the body.
 *
 * @throws InferenceError `invalid_request`
 */
export function readParts(contentType: string, body: Uint8Array): readonly FormPart[] {
  const boundary = boundaryOf(contentType)
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const delimiter = Buffer.from(`${CRLF}--${boundary}`)
  const parts: FormPart[] = []
  // The first delimiter may be at the very start.
  const opening = `--${boundary}`
  let at = bytes.subarray(0, opening.length).equals(Buffer.from(opening))
    ? opening.length
    : endOf(bytes, delimiter, 0)
  while (at !== -1) {
    if (bytes.subarray(at, at + 2).toString('latin1') === '--') return parts
    const headersAt = bytes.indexOf(CRLF, at)
    const contentAt = bytes.indexOf(HEADER_END, headersAt)
    if (headersAt === -1 || contentAt === -1) throw invalid('a part has no headers')
    if (contentAt - at > MAX_HEADER_BYTES) {
      throw invalid(`the headers of a part are longer than ${MAX_HEADER_BYTES} bytes`)
    }
    const start = contentAt + HEADER_END.length
    const end = bytes.indexOf(delimiter, start)
    if (end === -1) throw invalid('the form has no end')
    parts.push({
      ...disposition(bytes.subarray(headersAt, contentAt).toString('utf8')),
      content: bytes.subarray(start, end),
    })
    if (parts.length > MAX_PARTS) throw invalid(`the form has more than ${MAX_PARTS} parts`)
    at = end + delimiter.length
  }
  throw invalid('the form has no end')
}

function endOf(bytes: Buffer, delimiter: Buffer, from: number): number {
  const at = bytes.indexOf(delimiter, from)
  return at === -1 ? -1 : at + delimiter.length
}

function boundaryOf(contentType: string): string {
  const match = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(
    contentType.slice(0, MAX_HEADER_BYTES),
  )
  const boundary = match?.[1] ?? match?.[2]
  if (boundary === undefined) throw invalid('the body is not a multipart form')
  return boundary
}

function disposition(headers: string): Pick<FormPart, 'name' | 'filename'> {
  const line = headers.split(CRLF).find((header) => /^content-disposition:/i.test(header)) ?? ''
  const name = parameter(line, 'name')
  if (name === undefined) throw invalid('a part has no name')
  const filename = parameter(line, 'filename')
  if (filename === undefined) return { name }
  if (filename.length > MAX_FILENAME_LENGTH) {
    throw invalid(`a file name is longer than ${MAX_FILENAME_LENGTH} characters`)
  }
  return { name, filename }
}

/** Quotes and line ends are escaped by percent signs, as browsers do, or by backslashes, as others do. */
function parameter(line: string, name: string): string | undefined {
  const quoted = new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(line)?.[1]
  const value = quoted ?? new RegExp(`;\\s*${name}=([^\\s;"]+)`, 'i').exec(line)?.[1]
  return value
    ?.replaceAll(/\\(["\\])/g, '$1')
    .replaceAll('%22', '"')
    .replaceAll(/%0[dD]/g, '\r')
    .replaceAll(/%0[aA]/g, '\n')
}

function invalid(message: string): InferenceError {
  return new InferenceError(
    'invalid_request',
    `file: ${message}; an upload has to be a multipart form with \`file\` and \`purpose\``,
    { details: { param: 'file' } },
  )
}
