/** Tokens of each answer. */
export const TOKENS = 8
/** Requests in flight. */
export const CONNECTIONS = 64

/** Something that speaks OpenAI's HTTP API. */
export interface LoadTarget {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
}

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

async function askOnce({ url, headers }: LoadTarget): Promise<void> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer none', ...headers },
    body: JSON.stringify({
      model: 'scripted',
      messages: [{ role: 'user', content: 'Count from 1 to 40.' }],
      max_tokens: TOKENS,
      temperature: 0,
      stream: true,
    }),
    signal: AbortSignal.timeout(60_000),
  })
  const body = await response.text()
  const isWhole = response.ok && body.includes('[DONE]')
  if (!isWhole) throw new Error(`${url}: ${response.status} ${body}`)
}
