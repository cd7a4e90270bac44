import type { JSX } from 'preact'

/** Progress with a text; without a known end it only moves. */
export function Meter({
  label,
  text,
  done,
  total,
}: {
  /** For screen readers. */
  readonly label: string
  readonly text: string
  readonly done: number
  /** 0 if unknown. */
  readonly total: number
}): JSX.Element {
  return (
    <span class="meter">
      <progress aria-label={label} {...(total > 0 && { value: done, max: total })} />
      <span class="quiet small">{text}</span>
    </span>
  )
}
