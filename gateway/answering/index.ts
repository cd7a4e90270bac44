/**
 * Between an HTTP request and the client's answer: request options, and the start of streamed answers.
 *
 * @packageDocumentation
 */
export { inCallersFields, withCallersFields } from './caller-fields.ts'
export { contentOf } from './content.ts'
export { customArguments, customFunction, customInput } from './custom-tool.ts'
export { streamDialect } from './dialect-stream.ts'
export type { DialectWriter } from './dialect-writer.ts'
export { withoutHosted } from './hosted-tools.ts'
export { IGNORED_HEADER, ignore, ignoredHeader, ignoreHints } from './ignored.ts'
export { type OtherHints, takeHints, withHints } from './other-hints.ts'
export { type ContentPiece, completionPieces, PieceReader, piecesOf } from './pieces.ts'
export { readFields } from './read-fields.ts'
export {
  ASKING_HEADERS,
  type AskingHeaders,
  askingHeaders,
  optionsOf,
  requestOptions,
} from './request-options.ts'
export { headersOf, withoutSkein } from './served-by.ts'
export { fields, present, type SampledFields } from './shared-fields.ts'
export { cutToolInput, isCutShort, isToolInput, toolInput } from './tool-input.ts'
