import { plainLine } from '../../protocol/index.ts'
import { type AbortOptions, raceSignal } from '../../timing/index.ts'

/** The result of a step. `advice` says how to fix a failure. */
export interface Finding {
  readonly ok: boolean
  readonly message: string
  readonly advice?: string
}

export interface Step {
  readonly name: string
  /** Steps that must pass before this one runs. */
  readonly needs?: readonly string[]
  run(): Promise<Finding>
}

export type Diagnosis =
  | ({ readonly status: 'ok' | 'failed'; readonly name: string } & Omit<Finding, 'ok'>)
  | { readonly status: 'skipped'; readonly name: string; readonly message: string }

/**
 * Runs steps in order. A step that throws has failed; one that needs a failed or skipped step is skipped.
 *
 * @throws the signal's reason, which is no finding
 */
export async function* diagnose(
  steps: readonly Step[],
  { signal }: AbortOptions = {},
): AsyncIterable<Diagnosis> {
  const bad = new Set<string>()
  for (const { name, needs = [], run } of steps) {
    const missing = needs.find((need) => bad.has(need))
    if (missing !== undefined) {
      bad.add(name)
      yield { status: 'skipped', name, message: `needs '${missing}'` }
      continue
    }
    const { ok, ...found } = await raceSignal(run(), signal).catch((error: unknown): Finding => {
      signal?.throwIfAborted()
      const message = plainLine(error instanceof Error ? error.message : String(error))
      return { ok: false, message }
    })
    if (!ok) bad.add(name)
    yield { status: ok ? 'ok' : 'failed', name, ...found }
  }
}
