import type { ChatSettings } from './turn.ts'

export const LANGUAGES = ['curl', 'python', 'typescript'] as const
export type Language = (typeof LANGUAGES)[number]

export interface CodeInit extends ChatSettings {
  readonly prompt: string
  /** Where the gateway is, e.g. `http://127.0.0.1:4810`. */
  readonly origin: string
}

/** The request as text to paste. */
export function codeFor(language: Language, init: CodeInit): string {
  return WRITERS[language](init)
}

const WRITERS: Readonly<Record<Language, (init: CodeInit) => string>> = {
  curl: (init) => {
    const body = JSON.stringify(bodyOf(init), null, 2).replaceAll("'", "'\\''")
    return [
      `curl -N ${init.origin}/v1/chat/completions \\`,
      "  -H 'content-type: application/json' \\",
      `  -H 'x-skein-policy: ${init.policy}' \\`,
      `  -d '${body}'`,
    ].join('\n')
  },
  python: (init) => {
    const { model, temperature, max_tokens, messages } = bodyOf(init)
    return [
      'from openai import OpenAI',
      '',
      `client = OpenAI(base_url=${JSON.stringify(`${init.origin}/v1`)}, api_key="none")`,
      'stream = client.chat.completions.create(',
      `    model=${JSON.stringify(model)},`,
      `    messages=${JSON.stringify(messages)},`,
      `    temperature=${temperature},`,
      `    max_tokens=${max_tokens},`,
      '    stream=True,',
      `    extra_headers={"x-skein-policy": ${JSON.stringify(init.policy)}},`,
      ')',
      'for chunk in stream:',
      '    print(chunk.choices[0].delta.content or "", end="", flush=True)',
    ].join('\n')
  },
  typescript: (init) =>
    [
      "import OpenAI from 'openai'",
      '',
      `const client = new OpenAI({ baseURL: ${JSON.stringify(`${init.origin}/v1`)}, apiKey: 'none' })`,
      'const stream = await client.chat.completions.create(',
      `  ${JSON.stringify({ ...bodyOf(init), stream: true }, null, 2).replaceAll('\n', '\n  ')},`,
      `  { headers: { 'x-skein-policy': ${JSON.stringify(init.policy)} } },`,
      ')',
      "for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '')",
    ].join('\n'),
}

function bodyOf({ model, temperature, maxTokens, prompt }: CodeInit) {
  return {
    model,
    messages: [{ role: 'user', content: prompt }],
    temperature,
    max_tokens: maxTokens,
    stream: true,
  }
}
