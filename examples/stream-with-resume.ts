// Streams an answer. If the serving peer dies, another continues it after the last token received.
//
//   node stream-with-resume.ts /ip4/127.0.0.1/tcp/4801/p2p/12D3Koo…
import { createClient } from 'skein'

const bootstrap = process.argv.slice(2)
await using skein = await createClient({ bootstrap, connectTimeoutMs: 20_000 })

const answer = skein.chat(
  {
    model: 'skein-tiny',
    messages: [{ role: 'user', content: 'Count from 1 to 30.' }],
    temperature: 0,
    stream: true,
  },
  // `exact` continues only on a peer with the same weights. The stream throws if no such peer exists.
  { resume: 'exact' },
)
for await (const chunk of answer) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? '')
}
process.stdout.write('\n')

for (const { peerId, reason, outcome, deliveredTokens } of answer.attempts) {
  console.log(`${reason}: ${peerId} ${outcome}, ${deliveredTokens} tokens`)
}
