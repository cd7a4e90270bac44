import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** A button that does nothing while its action runs. Disabled, it would lose the focus, and with it the place of a keyboard's user. */
export function ActionButton({
  isBusy,
  onPress,
  children,
  class: style,
  label,
  takesFocus = false,
}: {
  readonly isBusy: boolean
  readonly onPress: () => unknown
  readonly children: ComponentChildren
  readonly class?: 'plain' | 'primary'
  /** For screen readers. @default its text */
  readonly label?: string
  /** When it appears. @default false */
  readonly takesFocus?: boolean
}): JSX.Element {
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (takesFocus) button.current?.focus()
  }, [takesFocus])
  return (
    <button
      type="button"
      class={style}
      aria-disabled={isBusy}
      aria-label={label}
      ref={button}
      onClick={() => {
        if (!isBusy) void onPress()
      }}
    >
      {children}
    </button>
  )
}
