/** The process that is attacked: a bootstrap peer, a node over a scripted engine, and a gateway. */
import { createScriptedBackend } from '../../backend/index.ts'
import { createBootstrap } from '../../bootstrap/index.ts'
import { createClient } from '../../client/index.ts'
import { serveGateway } from '../../gateway/index.ts'
import { createNode } from '../../node/index.ts'

/** Fewer than an attacker opens. */
const MAX_SOCKETS = 100
const LISTEN = ['/ip4/127.0.0.1/tcp/0']

/** Where the roles are reached, as the parent is told. */
export interface TargetReady {
  readonly bootstrap: string
  readonly node: string
  readonly gateway: string
}

const bootstrap = await createBootstrap({ listen: LISTEN })
const addresses = bootstrap.host.addresses().map(String)
const node = await createNode({
  backend: createScriptedBackend({
    models: [{ id: 'scripted', contextLength: 200_000 }],
    // A long answer, for those who never read it, and a short one for honest peers.
    script: ({ body }) =>
      JSON.stringify(body).includes('for ever')
        ? { paceMs: 2, answer: 'word '.repeat(100_000) }
        : { answer: '1, 2, 3.' },
  }),
  host: { listen: LISTEN, bootstrap: addresses },
})
const client = await createClient({ bootstrap: addresses, canaries: 'off' })
const gateway = await serveGateway(client, { port: 0, maxConnections: MAX_SOCKETS })
const ready: TargetReady = {
  bootstrap: addresses[0] ?? '',
  node: node.host.addresses().map(String)[0] ?? '',
  gateway: gateway.url,
}
process.send?.(ready)
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.((user + system) / 1_000)
})
process.on('disconnect', () => process.exit(0))
