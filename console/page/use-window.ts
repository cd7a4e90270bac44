import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

/** Rows drawn above and below the screen. */
const OVERSCAN = 4
/** The range moves by so many rows at a time, so that most scrolling draws nothing. */
const STEP = 4

/** The part of a long list that is on the screen or near it. */
export interface ListWindow<T extends Element> {
  /** For the element with the rows. */
  readonly ref: RefObject<T | null>
  /** Whether the beginning of the list is above the screen. */
  readonly isScrolled: boolean
  /** The rows to draw of so many: from `first`, before `end`. */
  within(count: number): { readonly first: number; readonly end: number }
}

/** @param rowPx height of every row */
export function useWindow<T extends Element>(rowPx: number): ListWindow<T> {
  const ref = useRef<T>(null)
  const [range, setRange] = useState({ first: 0, rows: rowsOf(rowPx), isScrolled: false })
  useEffect(() => {
    // The page scrolls as a whole. It is laid out when this is called.
    const look = (): void => {
      const abovePx = -(ref.current?.getBoundingClientRect().top ?? 0)
      const first = Math.max(0, Math.floor(abovePx / rowPx / STEP) * STEP - OVERSCAN)
      const next = { first, rows: rowsOf(rowPx), isScrolled: abovePx > 0 }
      setRange((before) => (isSame(before, next) ? before : next))
    }
    look()
    addEventListener('scroll', look, { passive: true })
    addEventListener('resize', look)
    return () => {
      removeEventListener('scroll', look)
      removeEventListener('resize', look)
    }
  }, [rowPx])
  return {
    ref,
    isScrolled: range.isScrolled,
    within(count) {
      const first = Math.min(range.first, Math.max(0, count - range.rows))
      return { first, end: Math.min(count, first + range.rows) }
    },
  }
}

interface Range {
  readonly first: number
  readonly rows: number
  readonly isScrolled: boolean
}

function isSame(one: Range, other: Range): boolean {
  const { first, rows, isScrolled } = one
  return first === other.first && rows === other.rows && isScrolled === other.isScrolled
}

function rowsOf(rowPx: number): number {
  return Math.ceil(innerHeight / rowPx) + STEP + 2 * OVERSCAN
}
