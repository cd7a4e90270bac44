/** Something that speaks OpenAI's HTTP API. */
export interface LoadTarget {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Requests one streamed answer. Resolves with the response's head, whatever its status. */
export async function requestStream(
  { url, headers }: LoadTarget,
  maxTokens: number,
): Promise<Response> {
  return await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer none', ...headers },
    body: JSON.stringify({
      model: 'scripted',
      messages: [{ role: 'user', content: 'Count from 1 to 40.' }],
      max_tokens: maxTokens,
      temperature: 0,
      stream: true,
    }),
    signal: AbortSignal.timeout(60_000),
  })
}
