import type { Context } from 'hono'
import { hintsOf, type InferenceRequest } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'

/** Lists what of a request was left out because it asks for nothing that changes the meaning of an answer. */
export const IGNORED_HEADER = 'x-skein-ignored'

/** Notes what was left out, by the caller's names; the answer's headers list it. */
export function ignore(c: Context<GatewayEnv>, names: readonly string[]): void {
  if (names.length === 0) return
  const listed = c.get('ignored') ?? new Set<string>()
  for (const name of names) listed.add(name)
  c.set('ignored', listed)
}

/** The header's value; undefined where nothing was left out. Its names are the caller's, so that odd ones are left out. */
export function ignoredHeader(c: Context<GatewayEnv>): string | undefined {
  const names = [...(c.get('ignored') ?? [])].filter((name) => /^[\w.:-]{1,128}$/.test(name))
  return names.length === 0 ? undefined : names.slice(0, MAX_NAMES).join(', ')
}

const MAX_NAMES = 32

/** Hints that a request gave, once it is known who answers it. */
export interface GivenHints {
  readonly request: InferenceRequest
  /** The caller's names by OpenAI's. @default OpenAI's */
  readonly names?: Readonly<Record<string, string>>
}

/** Notes the hints that the engine which answers does not take. */
export function ignoreHints(
  c: Context<GatewayEnv>,
  { client }: Pick<GatewayContext, 'client'>,
  { request, names = {} }: GivenHints,
  answered: { readonly peerId: string; readonly model: string },
): void {
  const hints = hintsOf(request)
  if (hints.length === 0) return
  const left = client.unusedFields(answered.peerId, answered.model, hints)
  ignore(
    c,
    left.map((hint) => names[hint] ?? hint),
  )
}
