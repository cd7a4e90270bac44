import type { Context } from 'hono'
import { hintsOf, type InferenceRequest } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'

/** Collects what was left out of a request because it does not change the meaning of an answer. */
export const IGNORED_HEADER = 'x-skein-ignored'

/** Adds names, as the caller wrote them, to be listed in the answer's headers. */
export function ignore(c: Context<GatewayEnv>, names: readonly string[]): void {
  if (names.length === 0) return
  const listed = c.get('ignored') ?? new Set<string>()
  for (const name of names) listed.add(name)
  c.set('ignored', listed)
}

/** The header's value; undefined if nothing was left out. Names that a header cannot hold are skipped. */
export function ignoredHeader(c: Context<GatewayEnv>): string | undefined {
  const ignored = c.get('ignored')
  if (ignored === undefined) return undefined
  const names = [...ignored].filter((name) => /^[\w.:-]{1,128}$/.test(name))
  return names.length === 0 ? undefined : names.slice(0, MAX_NAMES).join(', ')
}

const MAX_NAMES = 32

/** Hints of a request, settled once the answering peer is known. */
export interface GivenHints {
  readonly request: InferenceRequest
  /** The caller's names by OpenAI's. @default OpenAI's */
  readonly names?: Readonly<Record<string, string>>
}

/** Adds the hints that the answering engine does not support. */
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
