import {
  type Backend,
  cachedWeightsDigest,
  createBackendFromUrl,
  createEmbeddedBackend,
  createScriptedBackend,
} from '../../backend/index.ts'
import { createNode } from '../../node/index.ts'
import { playCodingSession } from '../../testing/agents/coding-session.ts'
import { serveParent } from '../../testing/index.ts'
import { type BreakingBackend, createBreakingBackend, type Loss } from './breaking-backend.ts'
import type {
  FaultCommand,
  FaultEngine,
  FaultNodeReady,
  FaultNodeTask,
  FaultReport,
} from './fault-node.ts'

/** The process of one node: serves an engine, and breaks off answers where its parent says. */

const CODER_DIGEST = `sha256:${'c'.repeat(64)}`
const CODER_PACE_MS = 2
const UNBOUNDED = 1_000_000

let backend: BreakingBackend | undefined
let strike = (_how: Loss): void => {}
const waiting = new Map<number, (granted: boolean) => void>()

async function run({ engine, bootstrap }: FaultNodeTask): Promise<FaultNodeReady> {
  backend = createBreakingBackend({
    backend: await backendOf(engine),
    strike: (how) => strike(how),
    onEnd: (chunks) => report({ chunks }),
    mayBreak: (index) =>
      new Promise((resolve) => {
        waiting.set(index, resolve)
        report({ wants: index })
      }),
  })
  const node = await createNode({
    backend,
    host: { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap },
    ...{ requestsPerSecondPerPeer: UNBOUNDED, requestBurstPerPeer: UNBOUNDED },
  })
  strike = (how) => {
    // What was sent by then may still arrive, as from a machine that loses its power.
    if (how === 'kill') process.kill(process.pid, 'SIGKILL')
    for (const connection of node.host.libp2p.getConnections()) {
      connection.abort(new Error('cut by the benchmark'))
    }
  }
  return { peerId: node.host.peerId.toString() }
}

async function backendOf(engine: FaultEngine): Promise<Backend> {
  switch (engine.type) {
    case 'url':
      // Token ids are passed on only between engines with the same weights.
      return await createBackendFromUrl({
        ...{ baseUrl: engine.url, slots: 4 },
        digestOf: (path) => cachedWeightsDigest(path),
      })
    case 'embedded': {
      const { modelPath, chatTemplate } = engine
      return await createEmbeddedBackend({ chatTemplate, modelPath, threads: 1, slots: 2 })
    }
    case 'coder':
      return createScriptedBackend({
        models: [{ id: 'coder', digest: CODER_DIGEST, contextLength: 1_000_000 }],
        script: playCodingSession,
        paceMs: CODER_PACE_MS,
      })
    default:
      return engine satisfies never
  }
}

function report(message: FaultReport): void {
  process.send?.(message)
}

function obey(command: FaultCommand): void {
  if ('arm' in command) {
    backend?.arm(command.arm)
    return
  }
  waiting.get(command.answered)?.(command.granted)
}

serveParent(run, obey)
process.on('unhandledRejection', (error) => console.error('node:', error))
