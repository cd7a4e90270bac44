/**
 * The swarms with members that this machine is in: where their memberships are kept, and which one commands use.
 *
 * @packageDocumentation
 */
export {
  chooseSwarm,
  currentSwarm,
  type JoinedSwarm,
  NO_SWARM,
  namedSwarm,
  swarmDirectory,
} from './swarms.ts'
