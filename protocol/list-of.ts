import * as z from 'zod'

/**
 * A list whose length is checked before its items, and whose items are checked up to the first that is invalid. A
 * plain `z.array` validates all of them and keeps every issue, which takes seconds for a list crafted to be invalid.
 */
export function listOf<T>(
  item: z.ZodType<T>,
  { min = 0, max }: { readonly min?: number; readonly max: number },
): z.ZodType<T[]> {
  return z
    .array(z.unknown())
    .min(min)
    .max(max)
    .transform((values, context): T[] => {
      const items: T[] = []
      for (const [index, value] of values.entries()) {
        const { success, data, error } = item.safeParse(value)
        if (!success) {
          const [issue] = error.issues
          if (issue !== undefined) {
            context.issues.push({ ...issue, input: value, path: [index, ...issue.path] } as never)
          }
          return z.NEVER
        }
        items.push(data)
      }
      return items
    })
}
