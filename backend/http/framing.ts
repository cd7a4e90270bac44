import { createParser } from 'eventsource-parser'
import { InferenceError, LIMITS } from '../../protocol/index.ts'

/** Takes text as it arrives and returns the complete records. */
export interface Splitter {
  push(text: string): readonly string[]
  /** The remainder at the end of the stream. */
  end(): readonly string[]
}

/** Server-sent events, or newline-delimited JSON. */
export type Framing = 'events' | 'lines'

/**
 * Framing of an answer by its first characters: an event stream cannot begin like JSON.
 *
 * @returns undefined while only white space has arrived
 * @throws InferenceError `engine_failed` for a web page, as proxies send
 */
export function splitterFor(framing: Framing, beginning: string): Splitter | undefined {
  const [first] = beginning.replace(/^\uFEFF/, '').trimStart()
  if (first === undefined) return undefined
  if (first === '<') {
    throw new InferenceError(
      'engine_failed',
      'the engine answered with a web page; check its address',
    )
  }
  if (framing === 'lines') return lineSplitter(LIMITS.maxFrameBytes)
  const isWhole = first === '{' || first === '['
  return isWhole ? wholeSplitter(LIMITS.maxResponseBytes) : eventSplitter(LIMITS.maxFrameBytes)
}

/** Newline-delimited records, empty ones left out. */
function lineSplitter(maxRecordLength: number): Splitter {
  let rest = ''
  return {
    push(text) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > maxRecordLength) throw tooLong()
      return lines.map((line) => line.trim()).filter((line) => line !== '')
    },
    end() {
      return rest.trim() === '' ? [] : [rest.trim()]
    },
  }
}

/** Characters kept of a line that belongs to no event. */
const MAX_STRAY = 300

/** The data of server-sent events. */
function eventSplitter(maxRecordLength: number): Splitter {
  let complete: string[] = []
  let hasEvents = false
  let stray = ''
  const parser = createParser({
    maxBufferSize: maxRecordLength,
    onEvent: ({ data, event }) => {
      hasEvents = true
      if (data === '') return
      complete.push(event === 'error' ? errorRecord(data) : data)
    },
    onError: (error) => {
      // llama-server wrote failures into the stream as a field of their own, `error: {…}`.
      if (error.type === 'unknown-field' && error.field === 'error') {
        complete.push(`{"error":${error.value ?? 'null'}}`)
      } else if (error.type === 'unknown-field') {
        stray ||= (error.line ?? error.field ?? '').slice(0, MAX_STRAY)
      } else if (error.type === 'max-buffer-size-exceeded') throw tooLong()
    },
  })
  return {
    push(text) {
      complete = []
      parser.feed(text)
      return complete
    },
    // Some servers leave out the blank line after their last event.
    end() {
      complete = []
      parser.feed('\n\n')
      // Proxies send plain text with status 200: without any event, these words are the engine's.
      return hasEvents || complete.length > 0 || stray === ''
        ? complete
        : [JSON.stringify({ error: stray })]
    },
  }
}

/** The data of an event named `error`, as an error record. */
function errorRecord(data: string): string {
  let parsed: unknown
  try {
    parsed = JSON.parse(data)
  } catch {
    return JSON.stringify({ error: data })
  }
  const isReported = typeof parsed === 'object' && parsed !== null && 'error' in parsed
  return isReported ? data : JSON.stringify({ error: parsed })
}

/**
 * One JSON value in place of a stream of records, in any layout, or one on each line: some servers answer this way to a
 * streaming request, mostly with an error.
 */
function wholeSplitter(maxLength: number): Splitter {
  let text = ''
  return {
    push(more) {
      text += more
      if (text.length > maxLength) throw tooLong()
      return []
    },
    end: () => (isJson(text) ? [text] : jsonLines(text)),
  }
}

/** The lines, if each is JSON; else the text as it is. */
function jsonLines(text: string): readonly string[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  return lines.every(isJson) ? lines : [text]
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function tooLong(): InferenceError {
  return new InferenceError('engine_failed', 'the engine sent a record longer than allowed')
}
