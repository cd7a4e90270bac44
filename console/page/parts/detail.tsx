import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { hrefOf } from '../pages.ts'
import { STRINGS } from '../strings.ts'

/** What was chosen on a page. Its heading gets the focus when it opens. */
export function Detail({
  page,
  title,
  actions,
  children,
}: {
  /** Where it leads back to. */
  readonly page: Parameters<typeof hrefOf>[0]
  readonly title: ComponentChildren
  readonly actions?: ComponentChildren
  readonly children: ComponentChildren
}): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <section class="block detail" aria-labelledby="detail">
      <div class="heading">
        <h2 id="detail" tabIndex={-1} ref={heading}>
          {title}
        </h2>
        <div class="actions">
          {actions}
          <a class="button plain" href={hrefOf(page)}>
            {STRINGS.close}
          </a>
        </div>
      </div>
      {children}
    </section>
  )
}

/** One fact by its name; undefined if it does not apply. */
export type Fact = readonly [name: string, value: string | undefined]

/** The facts that apply. */
export function Facts({
  facts,
  children,
}: {
  readonly facts: readonly Fact[]
  /** Further ones that are more than a text. */
  readonly children?: ComponentChildren
}): JSX.Element {
  return (
    <dl class="facts">
      {facts.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
      {children}
    </dl>
  )
}
