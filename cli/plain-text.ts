/** Strips control characters from text of peers and engines. */
export { plainLine, plainText } from '../protocol/index.ts'
