/** What peers and engines say, made harmless: the CLI's rooms take it from here. */
export { plainLine, plainText } from '../protocol/index.ts'
