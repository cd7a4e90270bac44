import { Component, type ComponentClass, createElement, type JSX } from 'preact'

/** A component that is drawn again only when one of its properties is another value, or its own state changes. */
export function steady<P extends object>(draw: (props: P) => JSX.Element): ComponentClass<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const names = Object.keys(next) as (keyof P)[]
      return names.some((name) => next[name] !== this.props[name])
    }

    override render(props: P): JSX.Element {
      return createElement(draw, props)
    }
  }
}
