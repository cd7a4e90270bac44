import type { RequestView } from '../../state.ts'

/** The place of rows that are not drawn. */
interface Gap {
  readonly key: string
  readonly rows: number
}

interface Range {
  readonly first: number
  readonly end: number
  /** Id of the request whose row has the focus: it is drawn wherever it is, since the focus would be lost with it. */
  readonly focused: string | undefined
}

/** What a table of all requests draws: those of the range and the focused one, with gaps for the others. */
export function drawnRows(
  requests: readonly RequestView[],
  { first, end, focused }: Range,
): readonly (Gap | RequestView)[] {
  const at = requests.findIndex(({ requestId }) => requestId === focused)
  const gap = (from: number, until: number): readonly (Gap | RequestView)[] => {
    const own = requests[at]
    if (own !== undefined && at >= from && at < until) {
      return [...gap(from, at), own, ...gap(at + 1, until)]
    }
    return from < until ? [{ key: `gap-${from}`, rows: until - from }] : []
  }
  return [...gap(0, first), ...requests.slice(first, end), ...gap(end, requests.length)]
}
