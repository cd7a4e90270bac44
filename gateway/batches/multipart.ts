import { InferenceError } from '../../protocol/index.ts'
import { GatheredBytes } from '../http/index.ts'

/** A file and some fields. */
const MAX_PARTS = 16
/** Of one part. */
const MAX_HEADER_BYTES = 4_096
/** What file systems accept. */
const MAX_FILENAME_LENGTH = 255
const CRLF = '\r\n'
const HEADER_END = '\r\n\r\n'
const FORM_END = Buffer.from('--')

/** One part of a form, RFC 7578. */
export interface FormPart {
  readonly name: string
  /** Absent for a field that is not a file. */
  readonly filename?: string
  readonly content: Uint8Array
}

/**
 * The parts of a multipart form, read as it arrives: one with too many parts, or with headers that are too long, is
 * refused before its rest is read. The time is linear in the size of the body.
 *
 * @param body leaving it cancels it
 * @throws InferenceError `invalid_request`; what the body throws
 */
export async function readParts(
  contentType: string,
  body: AsyncIterable<Uint8Array>,
): Promise<readonly FormPart[]> {
  const form = new FormReader(boundaryOf(contentType))
  for await (const piece of body) form.add(piece)
  return form.end()
}

type Disposition = Pick<FormPart, 'filename' | 'name'>

type Place =
  /** Before the first part, or within the content of `part`. */
  | { readonly at: 'text'; readonly part?: Disposition; readonly content: GatheredBytes }
  /** Behind a delimiter. */
  | { readonly at: 'headers' }
  | { readonly at: 'end' }

class FormReader {
  readonly #delimiter: Buffer
  readonly #parts: FormPart[] = []
  #place: Place = { at: 'text', content: new GatheredBytes() }
  /** Bytes that may be the beginning of what comes next. The first delimiter may be at the very start. */
  #rest: Buffer = Buffer.from(CRLF)

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`${CRLF}--${boundary}`)
  }

  add(piece: Uint8Array): void {
    let bytes: Buffer | undefined = Buffer.concat([this.#rest, piece])
    while (bytes !== undefined) {
      this.#rest = bytes
      bytes = this.#step(bytes)
    }
  }

  end(): readonly FormPart[] {
    if (this.#place.at !== 'end') throw invalid('the form has no end')
    return this.#parts
  }

  /** @returns what follows; undefined if more has to arrive */
  #step(bytes: Buffer): Buffer | undefined {
    switch (this.#place.at) {
      case 'text':
        return this.#text(bytes, this.#place)
      case 'headers':
        return this.#headers(bytes)
      case 'end':
        this.#rest = Buffer.alloc(0)
        return undefined
      default:
        return this.#place satisfies never
    }
  }

  #text(bytes: Buffer, { part, content }: Extract<Place, { at: 'text' }>): Buffer | undefined {
    const found = bytes.indexOf(this.#delimiter)
    const end = found === -1 ? Math.max(0, bytes.length - this.#delimiter.length + 1) : found
    if (part !== undefined) content.add(bytes.subarray(0, end))
    if (found === -1) {
      this.#rest = bytes.subarray(end)
      return undefined
    }
    if (part !== undefined) this.#parts.push({ ...part, content: content.bytes })
    this.#place = { at: 'headers' }
    return bytes.subarray(found + this.#delimiter.length)
  }

  #headers(bytes: Buffer): Buffer | undefined {
    if (bytes.length < FORM_END.length) return undefined
    if (bytes.subarray(0, FORM_END.length).equals(FORM_END)) {
      this.#place = { at: 'end' }
      return bytes
    }
    if (this.#parts.length === MAX_PARTS) {
      throw invalid(`the form has more than ${MAX_PARTS} parts`)
    }
    const start = bytes.indexOf(CRLF)
    const end = start === -1 ? -1 : bytes.indexOf(HEADER_END, start)
    if ((end === -1 ? bytes.length : end) > MAX_HEADER_BYTES) {
      throw invalid(`the headers of a part are longer than ${MAX_HEADER_BYTES} bytes`)
    }
    if (end === -1) return undefined
    const part = disposition(bytes.subarray(start, end).toString('utf8'))
    this.#place = { at: 'text', part, content: new GatheredBytes() }
    return bytes.subarray(end + HEADER_END.length)
  }
}

function boundaryOf(contentType: string): string {
  const match = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(
    contentType.slice(0, MAX_HEADER_BYTES),
  )
  const boundary = match?.[1] ?? match?.[2]
  if (boundary === undefined) throw invalid('the body is not a multipart form')
  return boundary
}

function disposition(headers: string): Disposition {
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
