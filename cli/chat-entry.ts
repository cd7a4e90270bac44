/** One line of a chat, parsed. */
export type ChatEntry =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'help'; readonly text: string }
  | { readonly type: 'exit' | 'nothing' | 'reset' }

const COMMANDS = '/reset starts over, /exit leaves; //text sends /text to the model'

/** One slash and a word. A path such as `/usr/bin` is text. */
const COMMAND = /^\/[\p{L}\p{N}_?-]*(?=\s|$)/u

/** Parses one line. Text that looks like a command is never sent to a peer, even if the command is unknown. */
export function readEntry(line: string): ChatEntry {
  const said = line.trim()
  if (said === '') return { type: 'nothing' }
  if (said.startsWith('//')) return { type: 'text', text: said.slice(1) }
  const command = COMMAND.exec(said)?.[0].toLowerCase()
  switch (command) {
    case undefined:
      return { type: 'text', text: said }
    case '/exit':
    case '/quit':
    case '/bye':
      return { type: 'exit' }
    case '/reset':
    case '/clear':
      return { type: 'reset' }
    case '/help':
    case '/?':
      return { type: 'help', text: COMMANDS }
    default:
      return {
        type: 'help',
        text: `Unknown command ${command}; nothing was sent. ${COMMANDS}`,
      }
  }
}
