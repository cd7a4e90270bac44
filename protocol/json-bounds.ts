import { LIMITS } from './limits.ts'

/** Nesting depth of a JSON value; counting stops above `most`. */
export function depthOf(value: unknown, most: number = LIMITS.maxSchemaDepth): number {
  if (typeof value !== 'object' || value === null) return 0
  let deepest = 0
  const stack: [object, number][] = [[value, 1]]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [object, depth] = top
    deepest = Math.max(deepest, depth)
    if (deepest > most) return deepest
    for (const child of Object.values(object)) {
      if (typeof child === 'object' && child !== null) stack.push([child, depth + 1])
    }
  }
  return deepest
}

/** Whether an object has at most so many fields; counting stops above that. */
export function hasAtMost(value: object, most: number): boolean {
  let count = 0
  for (const _ in value) if (++count > most) return false
  return true
}
