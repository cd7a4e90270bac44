import type { ComponentChildren, JSX } from 'preact'

/** A page's title, and one sentence about what it shows. */
export function Heading({
  title,
  intro,
  children,
}: {
  readonly title: string
  readonly intro: string
  readonly children?: ComponentChildren
}): JSX.Element {
  return (
    <div class="heading">
      <div>
        <h1>{title}</h1>
        <p class="quiet">{intro}</p>
      </div>
      {children}
    </div>
  )
}
