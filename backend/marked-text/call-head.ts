/** A head of a call is this long at most; anything longer is text. */
const MAX_HEAD = 1_024
/** What may stand before the JSON of a call. */
const LEAD = /^[\s,;[]*/
const STRING = '"((?:[^"\\\\]|\\\\.)*)"'

/** What the head of a call says. */
export interface Head {
  /** The function's name. Undefined if its JSON is faulty. */
  readonly name: string | undefined
  /** The JSON before the arguments. */
  readonly json: string
  /** Length in the text. */
  readonly length: number
}

/** Reads the JSON of a call as far as its arguments. */
export class HeadReader {
  readonly #pattern: RegExp

  constructor(argumentsKey: string) {
    this.#pattern = new RegExp(
      `^\\{\\s*"name"\\s*:\\s*${STRING}\\s*,\\s*"${argumentsKey}"\\s*:\\s*(?=\\{)`,
    )
  }

  /** @returns undefined if no head is read yet, `text` if none can come */
  read(text: string): Head | 'text' | undefined {
    const rest = withoutLead(text)
    const match = this.#pattern.exec(rest)
    if (match === null) return text.length > MAX_HEAD ? 'text' : undefined
    const [json, name = ''] = match
    return { name: nameOf(name), json, length: text.length - rest.length + json.length }
  }
}

/** The JSON of a call, without what may stand before it. */
export function withoutLead(text: string): string {
  return text.replace(LEAD, '')
}

function nameOf(json: string): string | undefined {
  try {
    return JSON.parse(`"${json}"`) as string
  } catch {
    return undefined
  }
}
