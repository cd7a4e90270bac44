export { type ConnectionEvents, watchConnections } from './connection-watch.ts'
export {
  candidatesOf,
  createDirectory,
  type Directory,
  type DirectoryHost,
  explainAbsence,
  type SwarmHost,
} from './directory/index.ts'
export { listPeer, type PeerListing } from './listings.ts'
export { listModels, type ModelListing } from './model-listing.ts'
export { PeerPaths } from './peer-paths.ts'
export { createProber, type Prober } from './probe/index.ts'
export {
  affinityKey,
  createRouter,
  DOUBTED_TIER,
  drawOverNetworks,
  independentScorers,
  LEAVING_TIER,
  networksOf,
  type RouteRequest,
  type Router,
  type Trust,
  UNFIT_TIER,
} from './route/index.ts'
export { serving } from './serving.ts'
export { unusedFields } from './unused-fields.ts'
