import type { AnswerRequest } from '../../../protocol/index.ts'
/**
 * Whether honest peers with the same weights give the same answer except for rounding: embeddings, and one choice at
 * temperature 0 or with a seed.
 */
export function isDeterministic(request: AnswerRequest): boolean {
  if (request.kind === 'embedding') return true
  const { n, seed, temperature } = request.body
  // Without a temperature the engine chooses one.
  return (n ?? 1) === 1 && (temperature === 0 || (seed !== undefined && seed !== null))
}
