import type { ToolDefinition } from '../../protocol/index.ts'
import { present } from '../answering/index.ts'
import type { CallableTool, ResponseTool } from './request.ts'

/** A tool of the caller, and the name that the model uses. */
export interface OfferedTool {
  /** The name that the model sees. */
  readonly wireName: string
  readonly tool: CallableTool
  readonly namespace?: string
}

/** Parameters of a custom tool: one text, `input`. */
const CUSTOM_PARAMETERS = {
  type: 'object',
  properties: { input: { type: 'string', description: 'The whole input of the tool.' } },
  required: ['input'],
  additionalProperties: false,
} as const

/** Functions, custom tools and tools of namespaces, each as a function that any engine with tools supports. */
export function offeredTools(tools: readonly ResponseTool[]): readonly OfferedTool[] {
  return tools.flatMap((tool) =>
    tool.type === 'namespace'
      ? tool.tools.map((inner) => ({
          wireName: wireNameOf(inner.name, tool.name),
          tool: inner,
          namespace: tool.name,
        }))
      : [{ wireName: tool.name, tool }],
  )
}

/** The name that the model sees of a tool in a namespace. */
export function wireNameOf(name: string, namespace: string | null | undefined): string {
  return namespace ? `${namespace}__${name}` : name
}

/** A tool's definition for an engine. */
export function definitionOf({ wireName, tool }: OfferedTool): ToolDefinition {
  if (tool.type === 'function') {
    const { description, parameters, strict } = tool
    const about = present({ description, parameters, strict })
    return { type: 'function', function: { name: wireName, ...about } }
  }
  const { description, format } = tool
  const grammar =
    format?.type === 'grammar'
      ? `The input is ${format.syntax} of this grammar:\n${format.definition}`
      : ''
  const text = [description ?? '', grammar].filter((part) => part !== '').join('\n\n')
  return {
    type: 'function',
    function: {
      name: wireName,
      ...(text !== '' && { description: text }),
      parameters: CUSTOM_PARAMETERS,
    },
  }
}

/** The input of a custom tool call; the raw arguments, if they are not of the expected form. */
export function customInput(text: string): string {
  try {
    const { input } = JSON.parse(text) as { readonly input?: unknown }
    return typeof input === 'string' ? input : text
  } catch {
    return text
  }
}

/** The inverse of {@link customInput}. */
export function customArguments(input: string): string {
  return JSON.stringify({ input })
}
