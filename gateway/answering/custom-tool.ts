import type { ToolDefinition } from '../../protocol/index.ts'

/** A tool of the caller that takes one text in place of JSON. */
export interface CustomTool {
  readonly description?: string | null | undefined
  readonly format?: CustomFormat | null | undefined
}

/** A grammar is described to the model, but not enforced. */
export type CustomFormat =
  | { readonly type: 'text' }
  | { readonly type: 'grammar'; readonly syntax: string; readonly definition: string }

/** Parameters of a custom tool: one text, `input`. */
const CUSTOM_PARAMETERS = {
  type: 'object',
  properties: { input: { type: 'string', description: 'The whole input of the tool.' } },
  required: ['input'],
  additionalProperties: false,
} as const

/** A custom tool as a function that any engine with tools supports. */
export function customFunction(name: string, { description, format }: CustomTool): ToolDefinition {
  const grammar =
    format?.type === 'grammar'
      ? `The input is ${format.syntax} of this grammar:\n${format.definition}`
      : ''
  const text = [description ?? '', grammar].filter((part) => part !== '').join('\n\n')
  return {
    type: 'function',
    function: { name, ...(text !== '' && { description: text }), parameters: CUSTOM_PARAMETERS },
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
