import { describeClientSwarm } from './client-swarm-suite.ts'

// `client-swarm.slow.test.ts` has fifty hosts.
describeClientSwarm({ nodes: 8, clients: 4 })
