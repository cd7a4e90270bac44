import { stripVTControlCharacters } from 'node:util'

/** `q`, and Ctrl-C as a terminal in raw mode sends it. */
const QUIT: ReadonlySet<string> = new Set(['q', 'Q', '\u0003'])
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

/** A screen of a terminal beside the one that the user had, which comes back at the end. */
export interface Screen extends Disposable {
  /** Lines that do not fit are cut. */
  draw(lines: readonly string[]): void
}

/** @param onQuit called for `q` and Ctrl-C */
export function openScreen(
  stdin: NodeJS.ReadStream,
  stdout: NodeJS.WriteStream,
  onQuit: () => void,
): Screen {
  let last: readonly string[] = []
  const draw = (lines: readonly string[]): void => {
    last = lines
    const { columns = 80, rows = 24 } = stdout
    const shown = lines
      .slice(0, rows - 1)
      .map((line) => stripVTControlCharacters(line).slice(0, columns) + CLEAR_LINE)
    stdout.write(`${HOME}${shown.join('\r\n')}${CLEAR_BELOW}`)
  }
  const onKey = (keys: Buffer): void => {
    if ([...keys.toString()].some((key) => QUIT.has(key))) onQuit()
  }
  const onResize = (): void => draw(last)
  stdout.write(ENTER)
  stdin.setRawMode(true).resume().on('data', onKey)
  stdout.on('resize', onResize)
  return {
    draw,
    [Symbol.dispose]() {
      stdin.off('data', onKey).setRawMode(false).pause()
      stdout.off('resize', onResize)
      stdout.write(LEAVE)
    },
  }
}
