import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { STRINGS } from '../strings.ts'

const SHOWN_MS = 1_500

/** Copies a text, and says so for a moment. */
export function Copy({
  text,
  label = STRINGS.copy,
}: {
  /** A function makes it when it is copied. */
  readonly text: string | (() => string)
  readonly label?: string
}): JSX.Element {
  const [done, setDone] = useState(false)
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(typeof text === 'string' ? text : text())
    setDone(true)
    setTimeout(() => setDone(false), SHOWN_MS)
  }
  return (
    <button type="button" class="plain" onClick={() => void copy()}>
      <span aria-live="polite">{done ? STRINGS.copied : label}</span>
    </button>
  )
}

/** A line of code to copy. */
export function CopyLine({ text }: { readonly text: string }): JSX.Element {
  return (
    <div class="copy-line">
      <code>{text}</code>
      <Copy text={text} />
    </div>
  )
}
