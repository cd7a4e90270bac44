import { useEffect, useState } from 'preact/hooks'
import type { ConsolePage } from '../state.ts'
import { STRINGS } from './strings.ts'

/** A page's name in the address, after `#/`. */
export type PageName = ConsolePage

/** In the order of the navigation. */
export const PAGES: readonly PageName[] = Object.keys(STRINGS.pages) as PageName[]

/** Where the address points: a page, and what of it. */
export interface Place {
  readonly page: PageName
  readonly detail: string
}

export function hrefOf(page: PageName, detail = ''): string {
  return detail === '' ? `#/${page}` : `#/${page}/${encodeURIComponent(detail)}`
}

export function usePlace(): Place {
  const [place, setPlace] = useState(current)
  useEffect(() => {
    const listener = (): void => setPlace(current())
    addEventListener('hashchange', listener)
    return () => removeEventListener('hashchange', listener)
  }, [])
  return place
}

function current(): Place {
  const [, name = '', detail = ''] = location.hash.split('/')
  return {
    page: PAGES.find((page) => page === name) ?? 'survival',
    detail: decodeURIComponent(detail),
  }
}
