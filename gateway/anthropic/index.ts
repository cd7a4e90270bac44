/**
 * Anthropic's Messages API.
 *
 * @packageDocumentation
 */
export { anthropicError } from './error-body.ts'
export { messages } from './messages.ts'
export { anthropicModel, anthropicModelPage } from './model-list.ts'
