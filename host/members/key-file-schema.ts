import * as z from 'zod'

/** The file of a swarm's pre-shared keys, as JSON. */
export interface KeyFile {
  readonly version: 1
  readonly keys: readonly {
    readonly number: number
    /** 64 hexadecimal digits. */
    readonly secret: string
    readonly acceptedUntilMs?: number | undefined
    readonly provisional?: true | undefined
  }[]
  /** Digests of keys that were replaced, 64 hexadecimal digits each. */
  readonly retired: readonly string[]
}

const DIGITS = z.string().regex(/^[0-9a-f]{64}$/)

export const KEY_FILE: z.ZodType<KeyFile> = z.object({
  version: z.literal(1),
  keys: z
    .array(
      z.object({
        number: z.int().min(0),
        secret: DIGITS,
        acceptedUntilMs: z.int().optional(),
        provisional: z.literal(true).optional(),
      }),
    )
    .min(1),
  retired: z.array(DIGITS).default([]),
})
