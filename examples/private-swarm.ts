// A swarm that only holders of its key can enter: bootstrap peer, node and client in one process.
//
//   node private-swarm.ts
import { createClient } from 'skein'
import { createScriptedBackend } from 'skein/backend'
import { createBootstrap, createSwarmKey, decodeInvite, encodeInvite } from 'skein/bootstrap'
import { createNode } from 'skein/node'

const listen = ['/ip4/127.0.0.1/tcp/0']
const swarmKey = createSwarmKey()
await using first = await createBootstrap({ listen, swarmKey })
const addresses = first.host.addresses().map(String)

// Key and addresses as one string. Anyone who has it can join: treat it as a password.
const invite = decodeInvite(encodeInvite({ swarmKey, bootstrap: addresses }))

await using backend = createScriptedBackend({ models: [{ id: 'team-model' }] })
await using _node = await createNode({ host: { ...invite, listen }, backend })
await using member = await createClient({ ...invite, connectTimeoutMs: 20_000 })
const answer = await member.chat({
  model: 'team-model',
  messages: [{ role: 'user', content: 'Good morning!' }],
})
console.log(`member: ${answer.choices[0]?.message.content}`)

// The address alone does not help: without the key no connection gets past its first bytes.
await using stranger = await createClient({ bootstrap: addresses })
const { joined } = await stranger.host.joined({ timeoutMs: 1_000 })
console.log(`stranger: ${joined ? 'joined' : 'not joined'}`)
