/**
 * OpenAI's Responses API, stateless: each request carries the whole conversation.
 *
 * @packageDocumentation
 */
export { responses } from './responses.ts'
