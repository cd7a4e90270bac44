// Sends many requests, spread over all peers that serve the model; each has one result.
//
//   node batch.ts /ip4/127.0.0.1/tcp/4801/p2p/12D3Koo…
import { type BatchRequest, createClient } from 'skein'

const bootstrap = process.argv.slice(2)
await using skein = await createClient({ bootstrap, connectTimeoutMs: 20_000 })

/** Pulled as there is room: the list can be longer than memory. */
function* requests(): Generator<BatchRequest> {
  for (let n = 1; n <= 20; n += 1) {
    const messages = [{ role: 'user', content: `Count from 1 to ${n}.` }] as const
    yield { id: `count-${n}`, kind: 'chat', body: { model: 'skein-tiny', messages } }
  }
}

let failed = 0
for await (const result of skein.batch(requests(), { ordered: true })) {
  if (result.error !== undefined) {
    failed += 1
    console.log(`${result.id}: ${result.error.code}`)
  } else if ('usage' in result.answer) {
    console.log(`${result.id}: ${result.answer.usage.total_tokens} tokens`)
  }
}
console.log(`${failed} failed`)
