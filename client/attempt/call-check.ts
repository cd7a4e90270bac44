import * as z from 'zod'
import { InferenceError } from '../../protocol/index.ts'
import { type AnswerForm, ToolCallAssembly } from '../request/index.ts'
import { parseAnswerJson } from './answer-json.ts'

type Json = Readonly<Record<string, unknown>>

/** The model wrote a tool call with invalid arguments: to continue from its tokens would repeat the call. */
export class InvalidCall extends InferenceError {
  constructor(name: string, why: string) {
    super('engine_failed', `the model called '${name}' with arguments that ${why}`.slice(0, 1_000))
  }
}

/**
 * Checks the arguments of complete tool calls: a JSON object, and for a strict function, one that matches its schema. A
 * mismatch is a failure of the engine, since models write invalid arguments now and then.
 */
export class CallCheck {
  readonly #strict: AnswerForm['strict']
  readonly #calls = new ToolCallAssembly()

  constructor({ strict }: Pick<AnswerForm, 'strict'>) {
    this.#strict = strict
  }

  add(parts: Parameters<ToolCallAssembly['add']>[0]): void {
    this.#calls.add(parts)
  }

  /** @throws InvalidCall */
  end(): void {
    for (const { function: called } of this.#calls.calls()) {
      const value = called.arguments.trim() === '' ? {} : objectIn(called.arguments)
      if (value === undefined) throw new InvalidCall(called.name, 'are not a JSON object')
      const schema = this.#strict?.get(called.name)
      const why = schema === undefined ? undefined : mismatch(schema, value)
      if (why !== undefined) throw new InvalidCall(called.name, `do not match its schema: ${why}`)
    }
  }
}

function objectIn(text: string): Json | undefined {
  const value = parseAnswerJson(text)?.value
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : undefined
}

/** Undefined also for a schema that cannot be checked. */
function mismatch(schema: Json, value: Json): string | undefined {
  let check: z.ZodType
  try {
    check = z.fromJSONSchema(withoutPatterns(schema) as z.core.JSONSchema.JSONSchema)
  } catch {
    return undefined
  }
  const issue = check.safeParse(value).error?.issues[0]
  return issue && `${issue.path.map(String).join('.')}: ${issue.message}`
}

/** A regular expression may take exponential time. */
function withoutPatterns(value: unknown, isSchema = true): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutPatterns(item))
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(
    ([key]) => !isSchema || (key !== 'pattern' && key !== 'patternProperties' && key !== 'format'),
  )
  // The keys of `properties` are names, not keywords.
  return Object.fromEntries(
    kept.map(([key, inner]) => [key, withoutPatterns(inner, !isSchema || key !== 'properties')]),
  )
}
