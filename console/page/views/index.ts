/** The pages, and what is shown instead of them without access. */
export { JoinPage } from './join.tsx'
export { LogPage } from './log.tsx'
export { PeersPage } from './peers.tsx'
export { PlaygroundPage } from './playground.tsx'
export { RefusedPage } from './refused.tsx'
export { RequestsPage } from './requests.tsx'
export { SurvivalPage } from './survival.tsx'
