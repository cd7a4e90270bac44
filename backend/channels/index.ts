/**
 * Answers of gpt-oss whose engine passes on the model's own channels (OpenAI's harmony format) instead of reading them:
 * thoughts, text and tool calls are told apart here.
 *
 * @example
 * function passesOnChannels(firstText: string): boolean {
 *   return beginsWithChannel(firstText) === true
 * }
 *
 * @packageDocumentation
 */
export { beginsWithChannel } from './channel-marks.ts'
export { channelled } from './channelled.ts'
