// Shares the models of an Ollama server until SIGINT or SIGTERM, then finishes what is running.
//
//   node node-over-ollama.ts http://127.0.0.1:11434 /ip4/127.0.0.1/tcp/4801/p2p/12D3Koo…
import { once } from 'node:events'
import { createOllamaBackend } from 'skein/backend'
import { createNode } from 'skein/node'

const [baseUrl = 'http://127.0.0.1:11434', ...bootstrap] = process.argv.slice(2)
await using backend = createOllamaBackend({ baseUrl })
await using node = await createNode({
  // Port 0 picks a free one. Drop the address to listen on all interfaces.
  host: { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap },
  backend,
  slots: 2,
  onRequest: ({ kind, outcome }) => console.log(`${kind}: ${outcome}`),
})
for (const { id } of node.models()) console.log(`sharing ${id} as ${node.host.peerId}`)

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
await node.drain()
console.log('drained')
