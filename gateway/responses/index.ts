/**
 * OpenAI's Responses API, without its memory: each request carries the whole conversation.
 *
 * @packageDocumentation
 */
export { responses } from './responses.ts'
