/** A block of commands in a page, marked with the machines that run it: ```` ```sh office home ````. */
export interface CommandBlock {
  /** Names behind the language. Empty: nothing says where it runs. */
  readonly machines: readonly string[]
  /** One command a line, without comments and empty lines. */
  readonly commands: readonly string[]
}

const BLOCK = /^( *)```sh(?: +([^\n]*))?\n([\s\S]*?)^\1```$/gm

/** The blocks of shell commands of a page in Markdown, in their order. */
export function commandBlocks(page: string): CommandBlock[] {
  return Array.from(page.matchAll(BLOCK), ([, , names = '', body = '']) => ({
    machines: names.split(/\s+/).filter((name) => name !== ''),
    commands: body
      .split('\n')
      .map((line) => line.replace(/ +#.*$/, '').trim())
      .filter((line) => line !== '' && !line.startsWith('#')),
  }))
}
