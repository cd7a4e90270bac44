import * as z from 'zod'
import type { JsonBody } from '../http/index.ts'

const NAMED = z.looseObject({ name: z.string() })
const ALLOWED = z.strictObject({
  type: z.literal('allowed_tools'),
  allowed_tools: z.strictObject({
    mode: z.enum(['auto', 'required']),
    tools: z.array(
      z.union([
        z.looseObject({ type: z.literal('function'), function: NAMED }),
        z.looseObject({ type: z.literal('custom'), custom: NAMED }),
      ]),
    ),
  }),
})
const TOOL = z.looseObject({ type: z.literal('function'), function: NAMED })

/**
 * A chat request whose choice among some of its tools (`allowed_tools`) offers only those. Custom tools have to be functions
 * by then.
 */
export function withAllowedTools(body: JsonBody): JsonBody {
  const { tools, tool_choice: choice } = body
  if (!Array.isArray(tools)) return body
  const read = ALLOWED.safeParse(choice)
  if (!read.success) return body
  const { mode, tools: allowed } = read.data.allowed_tools
  const names = new Set(
    allowed.map((tool) => (tool.type === 'function' ? tool.function.name : tool.custom.name)),
  )
  const offered = tools.filter((tool) => {
    const { success, data } = TOOL.safeParse(tool)
    return !success || names.has(data.function.name)
  })
  return { ...body, tools: offered, tool_choice: mode }
}
