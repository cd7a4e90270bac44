import type { Command } from 'commander'
import type { Runtime } from '../runtime.ts'

/** A command before its module is loaded. */
export interface CatalogEntry {
  /** One line for `skein --help`. */
  readonly summary: string
  load(): Promise<(runtime: Runtime) => Command>
}

/** Every command in the order of `skein --help`. Only the one that is run is loaded: most of the start is its modules. */
export const CATALOG: Readonly<Record<string, CatalogEntry>> = {
  node: {
    summary: 'share a model with the swarm',
    load: async () => (await import('./node.ts')).nodeCommand,
  },
  gateway: {
    summary: "serve OpenAI's API on this machine, answered by the swarm",
    load: async () => (await import('./gateway.ts')).gatewayCommand,
  },
  bootstrap: {
    summary: 'run an entry peer through which others join',
    load: async () => (await import('./bootstrap.ts')).bootstrapCommand,
  },
  ask: {
    summary: 'ask one thing and print the answer as it comes',
    load: async () => (await import('./ask.ts')).askCommand,
  },
  chat: {
    summary: 'talk with a model',
    load: async () => (await import('./chat.ts')).chatCommand,
  },
  batch: {
    summary: 'answer many requests from a file',
    load: async () => (await import('./batch.ts')).batchCommand,
  },
  models: {
    summary: 'list what is served, and by how many',
    load: async () => (await import('./models.ts')).modelsCommand,
  },
  peers: {
    summary: 'list nodes, how busy they are and how far away',
    load: async () => (await import('./peers.ts')).peersCommand,
  },
  reputation: {
    summary: 'what is known of peers by audits',
    load: async () => (await import('./reputation.ts')).reputationCommand,
  },
  status: {
    summary: 'show the nodes, gateways and bootstrap peers that run on this machine',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  swarm: {
    summary: 'make and read invites to private swarms',
    load: async () => (await import('./swarm.ts')).swarmCommand,
  },
  doctor: {
    summary: 'find out what is wrong',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  demo: {
    summary: 'see it work: a small swarm on this machine, and nodes killed in mid-answer',
    load: async () => (await import('./demo.ts')).demoCommand,
  },
}
