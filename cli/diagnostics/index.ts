/**
 * `skein diagnostics`: a report that can be published.
 *
 * @example
 * const redact = createRedaction({ OPENAI_API_KEY: 'sk-very-secret' })
 * redact('the key sk-very-secret is invalid') // 'the key <secret> is invalid'
 *
 * @packageDocumentation
 */
export { createRedaction } from './redact.ts'
export { reportText } from './report-text.ts'
export { shownSettings } from './shown-settings.ts'
