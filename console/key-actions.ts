import { z } from 'zod'
import { CONSOLE_LIMITS } from './limits.ts'
import type { RightsChange } from './state.ts'

/** What can be done with the API keys of the gateway. Methods throw InferenceErrors. */
export interface KeyActions {
  /** @returns the key, which is shown once and not kept */
  create(name: string, rights: RightsChange): Promise<string>
  /** Rights that are not named stay. */
  change(name: string, rights: RightsChange): Promise<void>
  remove(name: string): Promise<void>
}

export type KeyAction =
  | {
      readonly action: 'create-key'
      readonly name: string
      readonly rights?: RightsChange | undefined
    }
  | { readonly action: 'change-key'; readonly name: string; readonly rights: RightsChange }
  | { readonly action: 'remove-key'; readonly name: string }

const { maxKeyModels, maxKeyName } = CONSOLE_LIMITS
const many = z.number().int().positive()

export const keyRights: z.ZodType<RightsChange> = z.strictObject({
  models: z.array(z.string().trim().min(1).max(maxKeyName)).min(1).max(maxKeyModels).nullish(),
  requestsPerMinute: many.nullish(),
  tokensPerMinute: many.nullish(),
  requestsPerDay: many.nullish(),
  tokensPerDay: many.nullish(),
  budget: z.strictObject({ tokens: many, per: z.enum(['day', 'month', 'ever']) }).nullish(),
  priority: z.enum(['low', 'normal', 'high']).nullish(),
  expiresAtMs: many.nullish(),
})

/** Of a new key. */
export const keyName: z.ZodType<string> = z
  .string()
  .trim()
  .min(1, 'a key needs a name')
  .max(maxKeyName)
  .regex(/^\P{C}*$/u, 'a name has no control characters')

/** @returns the answer for the page */
export async function actOnKey(wanted: KeyAction, keys: KeyActions): Promise<object> {
  switch (wanted.action) {
    case 'create-key':
      return { key: await keys.create(wanted.name, wanted.rights ?? {}) }
    case 'change-key':
      await keys.change(wanted.name, wanted.rights)
      return {}
    case 'remove-key':
      await keys.remove(wanted.name)
      return {}
    default:
      return wanted satisfies never
  }
}
