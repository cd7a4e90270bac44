import { describe, expect, it } from 'vitest'
import { createEngineHttp } from '../../../backend/http/index.ts'
import { writtenTokens } from '../../../backend/ollama/written-tokens.ts'
import { fakeFetch, json } from '../../../testing/engines/fake-engine.ts'

/** What is counted where Ollama counts these tokens of the two prompts; undefined where it counts none. */
async function counted(before: number | undefined, after: number | undefined): Promise<number> {
  const { fetch } = fakeFetch({
    '/begins': () => json({ done: true, prompt_eval_count: before }),
    '/continues': () => json({ done: true, prompt_eval_count: after }),
  })
  const at = (path: string) => ({ path, body: {} })
  const http = createEngineHttp({ baseUrl: 'http://engine', fetch })
  const { signal } = new AbortController()
  return await writtenTokens(
    http,
    { begins: at('/begins'), continues: at('/continues') },
    { signal },
  )
}

describe('the tokens of an answer that Ollama counts', () => {
  it.each([
    ['are those of the longer prompt less those of the shorter', 40, 52, 12],
    ['are zero where the count of the shorter prompt is left out', undefined, 52, 0],
    ['are zero where that of the longer one is left out', 40, undefined, 0],
  ])('%s', async (_, before, after, tokens) => {
    expect(await counted(before, after)).toBe(tokens)
  })
})
