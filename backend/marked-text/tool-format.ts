/** How a model writes tool calls, according to its chat template. */
export interface ToolFormat {
  readonly name: 'hermes' | 'mistral' | 'llama3'
  /** Begins a call, or a list of calls; empty if a call is the whole answer. */
  readonly open: string
  /** Ends a call; empty if nothing does. */
  readonly close: string
  /** Name of the arguments in the call's JSON. */
  readonly argumentsKey: 'arguments' | 'parameters'
  /** Appended to the prompt where a call is required, so that the answer is the JSON of one call. */
  readonly forced: string
}

/** Formats that are read. */
export const TOOL_FORMATS: readonly ToolFormat[] = [
  {
    ...{ name: 'hermes', open: '<tool_call>', close: '</tool_call>' },
    ...{ argumentsKey: 'arguments', forced: '<tool_call>\n' },
  },
  {
    ...{ name: 'mistral', open: '[TOOL_CALLS]', close: '' },
    ...{ argumentsKey: 'arguments', forced: '[TOOL_CALLS][' },
  },
  { name: 'llama3', open: '', close: '', argumentsKey: 'parameters', forced: '' },
]

/** Signs of each format, and of its relatives with another syntax. */
const SIGNS: Readonly<Record<ToolFormat['name'], { has: RegExp; lacks: RegExp }>> = {
  hermes: { has: /<tool_call>/, lacks: /<function=|<arg_key>|"parameters"\s*:\s*</ },
  mistral: { has: /\[TOOL_CALLS\]/, lacks: /\[ARGS\]|\[CALL_ID\]/ },
  llama3: { has: /<\|start_header_id\|>[\s\S]*"parameters"/, lacks: /<tool_call>|<function=/ },
}

/** The format of a template; undefined if it takes no tools, or has calls written in a syntax that is not read. */
export function toolFormatOf(template: string): ToolFormat | undefined {
  if (!/\btools\b/.test(template)) return undefined
  return TOOL_FORMATS.find(
    ({ name }) => SIGNS[name].has.test(template) && !SIGNS[name].lacks.test(template),
  )
}
