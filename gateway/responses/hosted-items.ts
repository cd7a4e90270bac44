import { InferenceError } from '../../protocol/index.ts'
import type { JsonBody } from '../http/index.ts'

/** Calls that OpenAI's servers carried out. What they found is in the answers that followed. */
const UNREAD = [
  'code_interpreter_call',
  'computer_call',
  'computer_call_output',
  'file_search_call',
  'image_generation_call',
  'mcp_approval_request',
  'mcp_approval_response',
  'mcp_call',
  'mcp_list_tools',
  'tool_search_call',
  'tool_search_output',
  'web_search_call',
]

/** Built-in tools that the caller carries out, and the field with what was called for. */
const CALLERS: Readonly<Record<string, string>> = {
  local_shell: 'action',
  shell: 'action',
  apply_patch: 'operation',
}

/** Items that cannot be read here, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  item_reference: 'items are not stored here: send the item itself',
  compaction: 'it is encrypted for its maker’s models: send the messages that it stands for',
}

interface WithoutHosted {
  readonly body: JsonBody
  /** Of the items that were left out, for the header that lists them. */
  readonly left: readonly string[]
}

/**
 * A request whose history other models wrote with tools that do not exist here: calls that the caller carried out become
 * calls of functions, with their outputs; those of OpenAI's servers are left out.
 *
 * @throws InferenceError `invalid_request` for an item whose content cannot be known here
 */
export function withoutHostedItems(sent: JsonBody): WithoutHosted {
  const { input } = sent
  if (!Array.isArray(input)) return { body: sent, left: [] }
  const left = new Set<string>()
  const items = input.flatMap((item: unknown, at) => {
    const { type } = isRecord(item) ? item : {}
    if (!isRecord(item) || typeof type !== 'string') return [item]
    if (Object.hasOwn(REFUSED, type)) throw refused(`input.${at}.type`, REFUSED[type] ?? '')
    if (!UNREAD.includes(type)) return [asCall(item, type)]
    left.add(`input.${type}`)
    return []
  })
  return { body: { ...sent, input: items }, left: [...left] }
}

/** An item as a call of a function, or its output, if it is one of a built-in tool. */
function asCall(item: JsonBody, type: string): JsonBody {
  const [, name = '', output] = /^(\w+?)_call(_output)?$/.exec(type) ?? []
  const field = Object.hasOwn(CALLERS, name) ? CALLERS[name] : undefined
  if (field === undefined) return item
  // OpenAI's local shell calls it `id`.
  const { call_id: id = item['id'] } = item
  if (output === undefined) {
    return { type: 'function_call', call_id: id, name, arguments: JSON.stringify(item[field]) }
  }
  const said = item['output'] ?? item['status'] ?? ''
  const text = typeof said === 'string' ? said : JSON.stringify(said)
  return { type: 'function_call_output', call_id: id, output: text }
}

function isRecord(value: unknown): value is JsonBody {
  return typeof value === 'object' && value !== null
}

function refused(param: string, why: string): InferenceError {
  return new InferenceError('invalid_request', `${param}: ${why}`, { details: { param } })
}
