/** Milliseconds for a column of at most eight characters: `1520 ms`, `120 s`. */
export function durationText(ms: number): string {
  return ms < 99_999.5 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`
}
