import { describeClientSwarm } from './client-swarm-suite.ts'

// With the bootstrap peer fifty hosts.
describeClientSwarm({ nodes: 16, clients: 33 })
