import type { ToolDefinition } from '../../protocol/index.ts'
import { customFunction, present } from '../answering/index.ts'
import type { CallableTool, ResponseTool } from './request.ts'

/** A tool of the caller, and the name that the model uses. */
export interface OfferedTool {
  /** The name that the model sees. */
  readonly wireName: string
  readonly tool: CallableTool
  readonly namespace?: string
}

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
  return customFunction(wireName, tool)
}
