// The official OpenAI SDK over the swarm, in-process: nothing listens on a port.
//
//   npm install openai
//   node openai-sdk.ts /ip4/127.0.0.1/tcp/4801/p2p/12D3Koo…
import OpenAI from 'openai'
import { createClient } from 'skein'

const bootstrap = process.argv.slice(2)
await using skein = await createClient({ bootstrap, connectTimeoutMs: 20_000 })
// The host of `baseURL` is never contacted, and the key is not checked: `skein.fetch` answers every request.
const openai = new OpenAI({
  apiKey: 'none',
  baseURL: 'http://skein.local/v1',
  fetch: skein.fetch,
})

const stream = await openai.chat.completions.create({
  model: 'skein-tiny',
  messages: [{ role: 'user', content: 'Count from 1 to 10.' }],
  stream: true,
})
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? '')
}
process.stdout.write('\n')
