/** What a line of a chat asks for. */
export type ChatEntry =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'help'; readonly text: string }
  | { readonly type: 'exit' | 'nothing' | 'reset' }

const COMMANDS = '/reset starts over, /exit leaves; //text sends /text to the model'

/** A word behind one slash, and no path: `/usr/bin` is something to ask about. */
const COMMAND = /^\/[\p{L}\p{N}_?-]*(?=\s|$)/u

/** Reads one line. What looks like a command is never sent to a peer, whether or not there is one. */
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
        text: `There is no command ${command}, and nothing was sent. ${COMMANDS}`,
      }
  }
}
