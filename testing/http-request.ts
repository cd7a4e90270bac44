import { type OutgoingHttpHeaders, request } from 'node:http'

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

/** A request with any headers: `fetch` sends no `host` but the URL's. Over a connection of its own. */
export async function httpRequest(
  url: string | URL,
  options: { readonly method?: string; readonly headers?: OutgoingHttpHeaders } = {},
): Promise<HttpAnswer> {
  return await new Promise<HttpAnswer>((resolve, reject) => {
    request(url, { ...options, agent: false }, (response) => {
      const { statusCode: status = 0 } = response
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      response.once('end', () => resolve({ status, text }))
    })
      .once('error', reject)
      .end()
  })
}
