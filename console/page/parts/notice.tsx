import type { JSX } from 'preact'

/** Why the last action of a page failed; nothing if it did not. */
export function Notice({ error }: { readonly error: string }): JSX.Element | null {
  if (error === '') return null
  return (
    <p class="notice" role="alert">
      {error}
    </p>
  )
}
