/** The chat of the playground, and its request as code. */
export { useChat } from './chat.ts'
export { codeFor, LANGUAGES, type Language } from './code.ts'
export { type ChatSettings, DEFAULT_SETTINGS, type Piece, type Turn } from './turn.ts'
