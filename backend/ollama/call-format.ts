import { TOOL_FORMATS, type ToolFormat } from '../marked-text/index.ts'

/** A call that is rendered to see how a template writes one. */
export const SHOWN_CALL = { name: 'noop', arguments: { shown: 'here' } } as const

/**
 * How a template writes calls, in a rendered conversation with {@link SHOWN_CALL}; undefined if it does so in none of the
 * formats that are read.
 */
export function callFormatIn(rendered: string): ToolFormat | undefined {
  return TOOL_FORMATS.find(({ open, argumentsKey }) => {
    const call = `\\{\\s*"name"\\s*:\\s*"${SHOWN_CALL.name}"\\s*,\\s*"${argumentsKey}"\\s*:\\s*\\{\\s*"shown"`
    // Without a mark, the call is the whole message.
    const before = open === '' ? '<\\|end_header_id\\|>\\s*' : `${escaped(open)}\\s*\\[?\\s*`
    return new RegExp(before + call).test(rendered)
  })
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
