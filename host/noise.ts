/** The one place that names the package, so that moving to another build of noise is one line. */
export { noise } from '@chainsafe/libp2p-noise'
