import type { Command } from 'commander'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** A command line up to the word that is completed, and what may come next. */
interface Place {
  /** Names of the commands before it, separated by spaces; empty at the beginning. */
  readonly path: string
  readonly words: readonly { readonly text: string; readonly help: string }[]
}

/**
 * A script that completes commands and options. All of it is static, so that completing starts no process.
 *
 * @param commands by name
 */
export function completionScript(shell: Shell, commands: ReadonlyMap<string, Command>): string {
  const places = placesOf(commands)
  switch (shell) {
    case 'bash':
      return bashScript(places)
    case 'zsh':
      return zshScript(places)
    case 'fish':
      return fishScript(places)
    default:
      return shell satisfies never
  }
}

function placesOf(commands: ReadonlyMap<string, Command>): Place[] {
  const top = [...commands].map(([text, command]) => ({ text, help: command.summary() }))
  return [{ path: '', words: top }, ...[...commands].flatMap(([name, each]) => below(name, each))]
}

function below(path: string, command: Command): Place[] {
  const children = command.commands.map((child) => ({ text: child.name(), help: child.summary() }))
  const options = command.options.flatMap(({ long, description }) =>
    typeof long === 'string' ? [{ text: long, help: description }] : [],
  )
  return [
    { path, words: [...children, ...options] },
    ...command.commands.flatMap((child) => below(`${path} ${child.name()}`, child)),
  ]
}

/**
 * A loop of bash and zsh that finds the place, as fish's `__skein_at` does: it keeps the words before the cursor that are
 * commands, and skips options and their values.
 *
 * @param words expands to the words before the cursor
 * @param path the variable for the place
 */
function findPlace(places: readonly Place[], words: string, path: string): string {
  const known = places.map((place) => `'${place.path}'`).join('|')
  return `  for word in ${words}; do
    next="\${${path}:+$${path} }$word"
    case "$next" in ${known}) ${path}=$next ;; esac
  done`
}

function bashScript(places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => {
    return `    '${path}') words='${words.map(({ text }) => text).join(' ')}' ;;`
  })
  return `# skein completion bash > ~/.local/share/bash-completion/completions/skein
_skein() {
  local word path='' next words=''
${findPlace(places, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`, 'path')}
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _skein skein
`
}

function zshScript(places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => {
    const items = words.map(({ text, help }) => quoted(`${text.replaceAll(':', '\\:')}:${help}`))
    return `    '${path}') items=(${items.join(' ')}) ;;`
  })
  return `#compdef skein
# skein completion zsh > "\${fpath[1]}/_skein"
_skein() {
  local word at='' next
  local -a items
${findPlace(places, `"\${(@)words[2,CURRENT-1]}"`, 'at')}
  case "$at" in
${cases.join('\n')}
  esac
  _describe skein items || _files
}
# Called by the first completion, which loads this file, or sourced.
if [ "$funcstack[1]" = _skein ]; then _skein "$@"; else compdef _skein skein; fi
`
}

function fishScript(places: readonly Place[]): string {
  const known = places.map(({ path }) => `'${path}'`).join(' ')
  const lines = places.flatMap(({ path, words }) =>
    words.map(({ text, help }) => {
      const what = text.startsWith('--') ? `-l ${text.slice(2)}` : `-f -a ${text}`
      return `complete -c skein -n "__skein_at '${path}'" ${what} -d ${quoted(help)}`
    }),
  )
  return `# skein completion fish > ~/.config/fish/completions/skein.fish
function __skein_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$at $word")
    contains -- "$next" ${known}; and set at $next
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`
}

/** As one word of a shell, on one line. */
function quoted(text: string): string {
  return `'${text.replaceAll(/\s+/g, ' ').replaceAll("'", '’')}'`
}
