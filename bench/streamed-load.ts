import { type LoadTarget, requestStream } from './stream-request.ts'

/** Tokens of each answer. */
export const TOKENS = 8
/** Requests in flight. */
export const CONNECTIONS = 64

/**
 * Requests after which V8 has compiled most of what one runs: before that, compiling is a tenth of the CPU. A quick run is
 * a trial of the benchmark.
 */
export const warmUpOf = (quick: boolean): number => (quick ? 1_000 : 8_000)

/** Has `count` answers streamed, {@link CONNECTIONS} at a time. @returns how long each took, in milliseconds */
export async function streamedLoad(target: LoadTarget, count: number): Promise<readonly number[]> {
  const taken: number[] = []
  let left = count
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      const begin = performance.now()
      await askOnce(target)
      taken.push(performance.now() - begin)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, work))
  return taken
}

async function askOnce(target: LoadTarget): Promise<void> {
  const response = await requestStream(target, TOKENS)
  const body = await response.text()
  const isWhole = response.ok && body.includes('[DONE]')
  if (!isWhole) throw new Error(`${target.url}: ${response.status} ${body}`)
}
