import type { JSX } from 'preact'
import { words } from '../format.ts'
import { STRINGS } from '../strings.ts'

const NEUTRAL: ReadonlySet<string> = new Set(['cancelled', 'running', 'superseded'])

/** The outcome of a request or an attempt, in its tone. */
export function Outcome({ code }: { readonly code: string }): JSX.Element {
  const tone = code === 'answered' ? 'good' : NEUTRAL.has(code) ? 'neutral' : 'bad'
  const text = code === 'superseded' ? STRINGS.requests.superseded : words(code)
  return <span class={`badge ${tone}`}>{text}</span>
}
