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
  up: {
    summary: 'share models, ask others, and open the console: all in one process',
    load: async () => (await import('./up.ts')).upCommand,
  },
  node: {
    summary: 'share a model with the swarm',
    load: async () => (await import('./node.ts')).nodeCommand,
  },
  gateway: {
    summary: "serve OpenAI's API on this machine, answered by the swarm",
    load: async () => (await import('./gateway.ts')).gatewayCommand,
  },
  bootstrap: {
    summary: 'run a bootstrap peer that others join through',
    load: async () => (await import('./bootstrap.ts')).bootstrapCommand,
  },
  ask: {
    summary: 'ask one question and stream the answer',
    load: async () => (await import('./ask.ts')).askCommand,
  },
  chat: {
    summary: 'chat with a model',
    load: async () => (await import('./chat.ts')).chatCommand,
  },
  batch: {
    summary: 'answer many requests from a file',
    load: async () => (await import('./batch.ts')).batchCommand,
  },
  launch: {
    summary: 'start a coding agent that uses the swarm',
    load: async () => (await import('./launch.ts')).launchCommand,
  },
  models: {
    summary: 'list the models served, and by how many nodes',
    load: async () => (await import('./models.ts')).modelsCommand,
  },
  pull: {
    summary: 'download a model to this machine',
    load: async () => (await import('./pull.ts')).pullCommand,
  },
  load: {
    summary: 'load a model at a running node, and share it',
    load: async () => (await import('./load.ts')).loadCommand,
  },
  unload: {
    summary: 'free the memory of a model at a running node',
    load: async () => (await import('./load.ts')).unloadCommand,
  },
  rm: {
    summary: 'delete a downloaded model',
    load: async () => (await import('./rm.ts')).rmCommand,
  },
  peers: {
    summary: 'list nodes with their load and latency',
    load: async () => (await import('./peers.ts')).peersCommand,
  },
  reputation: {
    summary: 'show and edit what audits found about peers',
    load: async () => (await import('./reputation.ts')).reputationCommand,
  },
  status: {
    summary: 'show the nodes, gateways and bootstrap peers that run on this machine',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  join: {
    summary: 'join a swarm with members',
    load: async () => (await import('./join.ts')).joinCommand,
  },
  top: {
    summary: 'watch models, peers and requests of a running process in a terminal',
    load: async () => (await import('./top.ts')).topCommand,
  },
  swarm: {
    summary: 'create a swarm, invite machines, and take them out again',
    load: async () => (await import('./swarm.ts')).swarmCommand,
  },
  config: {
    summary: 'show and check the configuration',
    load: async () => (await import('./config.ts')).configCommand,
  },
  completion: {
    summary: 'print a script that completes commands in a shell',
    load: async () => (await import('./completion.ts')).completionCommand,
  },
  doctor: {
    summary: 'find out why requests fail',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  service: {
    summary: 'keep a command running with systemd or launchd',
    load: async () => (await import('./service.ts')).serviceCommand,
  },
  diagnostics: {
    summary: 'write a report for an issue, without secrets',
    load: async () => (await import('./diagnostics.ts')).diagnosticsCommand,
  },
  demo: {
    summary: 'run a small swarm on this machine and kill nodes mid-answer',
    load: async () => (await import('./demo.ts')).demoCommand,
  },
  version: {
    summary: 'print the version, or check for a newer one',
    load: async () => (await import('./version.ts')).versionCommand,
  },
}
