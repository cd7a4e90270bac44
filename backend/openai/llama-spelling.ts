import { InferenceError } from '../../protocol/index.ts'
import { asArray, asString, type EngineHttp } from '../http/index.ts'
import { plainTokens } from './llama-prompt.ts'
import { refusedCompletion } from './token-ids.ts'

/** Possible spelling of a control token; most matches are plain text. */
const LOOKS_LIKE_CONTROL = /<[^<>]{1,64}>|\[[^[\]]{1,64}\]/g
/** Most distinct matches that are looked up. */
const MAX_ASKED = 16

/** Decoded text of a list of ids. */
export interface Spelling {
  /** Without control tokens, as in an answer of the server. */
  readonly text: string
  /** Control tokens among the ids. */
  readonly control: ReadonlySet<number>
}

/** The server includes control tokens when it decodes ids, but not in its answers. */
export async function spell(
  http: EngineHttp,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<Spelling> {
  const text = await detokenize(http, ids, signal)
  const control = new Set<number>()
  const suspects = new Set(Array.from(text.matchAll(LOOKS_LIKE_CONTROL), ([found]) => found))
  for (const suspect of [...suspects].slice(0, MAX_ASKED)) {
    const id = await controlToken(http, suspect, signal)
    if (id !== undefined && ids.includes(id)) control.add(id)
  }
  if (control.size === 0) return { text, control }
  const shown = ids.filter((id) => !control.has(id))
  return { text: await detokenize(http, shown, signal), control }
}

/** Id of the control token with this spelling. */
export async function controlToken(
  http: EngineHttp,
  content: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const body = { content, add_special: false, parse_special: true }
  const { tokens } = await http.post('/tokenize', body, { signal, isRequest: true })
  const [id, ...more] = asArray(tokens)
  if (typeof id !== 'number' || more.length > 0) return undefined
  // A user-defined token is also found in plain text, and shown.
  const plain = await plainTokens(http, content, false, signal)
  return plain.length === 1 && plain[0] === id ? undefined : id
}

async function detokenize(
  http: EngineHttp,
  tokens: readonly number[],
  signal: AbortSignal,
): Promise<string> {
  if (tokens.length === 0) return ''
  const { content } = await http
    .post('/detokenize', { tokens }, { signal, isRequest: true })
    .catch(unspellable)
  return asString(content)
}

/** The server looks ids up unchecked and reports the C++ exception: `vector::_M_range_check`. */
function unspellable(error: unknown): never {
  if (!InferenceError.is(error, 'engine_failed') || !/range/i.test(error.message)) throw error
  throw refusedCompletion(error)
}
