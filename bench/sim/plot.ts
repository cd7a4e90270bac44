/** One line of a plot: a value for each slice of the run. */
export interface Series {
  readonly name: string
  readonly color: string
  readonly values: readonly number[]
}

const WIDTH = 640
const HEIGHT = 180
const LEFT = 48
const BOTTOM = 24
const TOP = 28

/** Lines over the virtual time of a run, as an SVG that needs nothing else. */
export function plot(title: string, lengthS: number, series: readonly Series[]): string {
  const most = Math.max(1, ...series.flatMap(({ values }) => values))
  const x = (at: number, of: number): number =>
    LEFT + ((WIDTH - LEFT - 8) * at) / Math.max(1, of - 1)
  const y = (value: number): number => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * value) / most
  const lines = series.map(({ color, values }) => {
    const points = values.map(
      (value, at) => `${x(at, values.length).toFixed(1)},${y(value).toFixed(1)}`,
    )
    return `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${points.join(' ')}"/>`
  })
  const names = series.map(
    ({ name, color }, n) =>
      `<text x="${LEFT + 140 * n}" y="${TOP - 4}" fill="${color}" font-size="11">${name}</text>`,
  )
  const text = (at: readonly [number, number], words: string, anchor = 'start'): string =>
    `<text x="${at[0]}" y="${at[1]}" font-size="11" text-anchor="${anchor}" fill="#666">${words}</text>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="sans-serif">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="13" font-size="12">${title}</text>`,
    `<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - 8}" fill="none" stroke="#999"/>`,
    text([LEFT - 4, TOP + 8], String(Math.round(most)), 'end'),
    text([LEFT - 4, HEIGHT - BOTTOM], '0', 'end'),
    text([LEFT, HEIGHT - 8], '0 s'),
    text([WIDTH - 8, HEIGHT - 8], `${Math.round(lengthS)} s`, 'end'),
    ...names,
    ...lines,
    '</svg>',
    '',
  ].join('\n')
}
