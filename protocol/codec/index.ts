export { decodeClientFrame, encodeClientFrame } from './client-frame.ts'
export { decodeProbeResponse, encodeProbeResponse } from './load.ts'
export { decodeMessage, nameOf } from './message.ts'
export { decodeNodeFrame, encodeNodeFrame } from './node-frame.ts'
