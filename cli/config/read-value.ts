import type { Setting } from './settings.ts'

/**
 * A setting's value from its texts.
 *
 * @throws Error saying what the value must be
 */
export function readValue({ kind, parse }: Setting, texts: readonly string[]): unknown {
  if (kind === 'list') return texts.map((text) => parse(text))
  const [text = '', ...more] = texts
  if (more.length > 0) throw new Error('It takes a single value.')
  if (kind === 'value') return parse(text)
  if (/^(true|1|yes|on)$/i.test(text)) return true
  if (/^(false|0|no|off)$/i.test(text)) return false
  throw new Error('It must be true or false.')
}
