import { InferenceError } from '../../protocol/index.ts'
import { asArray, asString, type EngineHttp } from '../http/index.ts'
import { plainTokens } from './llama-prompt.ts'
import { refusedCompletion } from './token-ids.ts'

/** What a control token may look like; most of what does is text. */
const LOOKS_LIKE_CONTROL = /<[^<>]{1,64}>|\[[^[\]]{1,64}\]/g
/** Of those, so many different ones are asked about. */
const MAX_ASKED = 16

/** What ids spell together. */
export interface Spelling {
  /** Without control tokens, as the server shows an answer of its own. */
  readonly text: string
  /** Those among the ids. */
  readonly control: ReadonlySet<number>
}

/** The server spells control tokens out where it is asked for the text of ids, and not where it writes them. */
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

/** The id of the control token that is spelled so. */
export async function controlToken(
  http: EngineHttp,
  content: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const body = { content, add_special: false, parse_special: true }
  const { tokens } = await http.post('/tokenize', body, { signal })
  const [id, ...more] = asArray(tokens)
  if (typeof id !== 'number' || more.length > 0) return undefined
  // A token of the user's part of the vocabulary is found in plain text as well, and shown.
  const plain = await plainTokens(http, content, false, signal)
  return plain.length === 1 && plain[0] === id ? undefined : id
}

async function detokenize(
  http: EngineHttp,
  tokens: readonly number[],
  signal: AbortSignal,
): Promise<string> {
  if (tokens.length === 0) return ''
  const { content } = await http.post('/detokenize', { tokens }, { signal }).catch(unspellable)
  return asString(content)
}

/** The server looks ids up without looking at them first, and tells of the C++ exception: `vector::_M_range_check`. */
function unspellable(error: unknown): never {
  if (!InferenceError.is(error, 'engine_failed') || !/range/i.test(error.message)) throw error
  throw refusedCompletion(error)
}
