/** `type`s of tools that the caller's own code runs; a tool without a type is left to validation. */
type IsOwn = (type: string) => boolean

/** A request without the tools that only a provider could run, and their names for the header that lists them. */
interface WithoutHosted<T> {
  readonly body: T
  readonly left: readonly string[]
}

/**
 * Takes hosted tools (web search, code interpreters, …) out of a request: no peer can run them, and one of them must not
 * fail the whole request. A tool choice with no tool left becomes `auto`; one that names a hosted tool is kept and
 * rejected later.
 */
export function withoutHosted<T extends Readonly<Record<string, unknown>>>(
  body: T,
  isOwn: IsOwn,
): WithoutHosted<T> {
  const { tools } = body
  if (!Array.isArray(tools)) return { body, left: [] }
  const hosted = tools.map(hostedType(isOwn))
  const left = hosted.flatMap((type) => (type === undefined ? [] : [`tools.${type}`]))
  if (left.length === 0) return { body, left }
  const kept = tools.filter((_, at) => hosted[at] === undefined)
  return { body: { ...body, tools: kept }, left }
}

function hostedType(isOwn: IsOwn): (tool: unknown) => string | undefined {
  return (tool) => {
    if (typeof tool !== 'object' || tool === null) return undefined
    const { type } = tool as { readonly type?: unknown }
    return typeof type === 'string' && !isOwn(type) ? type : undefined
  }
}
