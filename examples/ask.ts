// Asks one question and prints the answer, the peer that gave it, and every attempt.
//
//   node ask.ts /ip4/127.0.0.1/tcp/4801/p2p/12D3Koo…
import { createClient, InferenceError } from 'skein'

const bootstrap = process.argv.slice(2)
// Waits longer than the default of 1.5 s for a first connection: a script that runs once has the time.
await using skein = await createClient({ bootstrap, connectTimeoutMs: 20_000 })

try {
  const answer = await skein.chat({
    model: 'skein-tiny',
    messages: [{ role: 'user', content: 'Count from 1 to 10.' }],
    temperature: 0,
  })
  console.log(answer.choices[0]?.message.content)
  console.log(`answered by ${answer.skein.peerId}, ${answer.usage.completion_tokens} tokens`)
  for (const { peerId, reason, outcome } of answer.skein.attempts) {
    console.log(`  ${reason}: ${peerId} ${outcome}`)
  }
} catch (error) {
  if (!InferenceError.is(error)) throw error
  // The code belongs to a closed set; the message says what to do next.
  console.error(`${error.code}: ${error.message}`)
  process.exitCode = 1
}
