/** A function on offer. */
export interface OfferedTool {
  readonly name: string
  readonly parameters?: unknown
}

/** What a call is about. */
export interface CallAbout {
  readonly file: string
  readonly folder: string
  readonly before: string
  readonly after: string
  /** Does the same in a shell. */
  readonly command: string
}

type Act = 'read' | 'edit' | 'run'

const NAMED: Readonly<Record<Act, RegExp>> = {
  read: /^(?:read|view)(?:_?file)?$/i,
  edit: /^(?:edit|replace)(?:_?file)?$/i,
  run: /^(?:bash|shell|shell_command|run_?shell_?command|run_?command|exec_command)$/i,
}

interface Schema {
  readonly type?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

/** A call of the tool that does this, by its own schema, or a shell in its place. @throws Error without either */
export function toolCallFor(
  act: Act,
  tools: readonly OfferedTool[],
  about: CallAbout,
): { readonly name: string; readonly arguments: string } {
  const named = (pattern: RegExp): OfferedTool | undefined =>
    tools.find(({ name }) => pattern.test(name))
  const tool = named(NAMED[act]) ?? named(NAMED.run)
  if (tool === undefined) {
    throw new Error(`no tool for ${act}: ${tools.map(({ name }) => name).join(', ')}`)
  }
  const { properties = {}, required = Object.keys(properties) } = tool.parameters as Schema
  const filled = required.map((name) => [name, argumentOf(name, properties[name] ?? {}, about)])
  return { name: tool.name, arguments: JSON.stringify(Object.fromEntries(filled)) }
}

function argumentOf(name: string, schema: Schema, about: CallAbout): unknown {
  if (/^(?:command|cmd)$/i.test(name)) {
    return schema.type === 'array' ? ['bash', '-c', about.command] : about.command
  }
  if (/old|search|before/i.test(name)) return about.before
  if (/new|replac|after/i.test(name)) return about.after
  if (/work|dir|cwd/i.test(name)) return about.folder
  if (/file|path/i.test(name)) return about.file
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.type === 'boolean') return false
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 1
  if (schema.type === 'array') return []
  if (schema.type === 'object') return {}
  return 'A step of the session'
}
