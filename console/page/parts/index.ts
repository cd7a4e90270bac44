/** Parts that pages share. */
export { Copy, CopyLine } from './copy.tsx'
export { Empty } from './empty.tsx'
export { Heading } from './heading.tsx'
export { Meter } from './meter.tsx'
export { Notice } from './notice.tsx'
export { Outcome } from './outcome.tsx'
export { PeerName } from './peer-name.tsx'
export { steady } from './steady.tsx'
