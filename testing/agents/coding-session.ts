import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Script } from '../../backend/index.ts'
import type { ChatRequest, InferenceRequest } from '../../protocol/index.ts'
import { type OfferedTool, toolCallFor } from './tool-call.ts'

/** A small project with a bug, and the session in which an agent mends it: it reads, edits, tests, and reports. */
export interface Project {
  readonly folder: string
  /** What to ask an agent. */
  readonly task: string
  /** Whether the file is mended and its test passed last. */
  isMended(): Promise<boolean>
}

const SOURCE = 'sum.cjs'
const BUG = 'a - b'
const FIX = 'a + b'
const TEST = `const { add } = require('./sum.cjs')
const { appendFileSync } = require('node:fs')
const outcome = add(2, 3) === 5 ? 'passed' : 'failed'
appendFileSync(__dirname + '/runs.log', outcome + '\\n')
console.log('test ' + outcome)
process.exit(outcome === 'passed' ? 0 : 1)
`

/** @param folder of its own; created */
export async function createProject(folder: string): Promise<Project> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, SOURCE)
  await writeFile(file, `exports.add = (a, b) => ${BUG}\n`)
  await writeFile(join(folder, 'test.cjs'), TEST)
  return {
    folder,
    task: `Project: ${folder} . The function add in ${SOURCE} is wrong. Mend it and run test.cjs.`,
    async isMended() {
      const source = await readFile(file, 'utf8')
      const runs = await readFile(join(folder, 'runs.log'), 'utf8').catch(() => '')
      return source === `exports.add = (a, b) => ${FIX}\n` && runs.trimEnd().endsWith('passed')
    },
  }
}

const TURNS = ['read', 'edit', 'run'] as const
const SAYS = {
  read: 'I read the file first.',
  edit: 'The sign is wrong.',
  run: 'Now the test.',
} as const

/** Characters, and so tokens of a scripted engine, before the call of a turn. */
export const TEXT_BEFORE_CALL: number = Math.min(...TURNS.map((turn) => SAYS[turn].length))

/** How a scripted engine plays the session, with the tools that an agent offers. */
export function playCodingSession({ kind, body }: InferenceRequest): Script | undefined {
  if (kind !== 'chat') return undefined
  const folder = /Project: (\S+) \./.exec(JSON.stringify(body.messages))?.[1]
  if (folder === undefined) return { answer: 'Mending a sum' }
  const tools = (body.tools ?? []).map(({ function: tool }) => tool)
  if (tools.length === 0) return { answer: withoutTools(body) }
  const turn = TURNS[turnOf(body)]
  if (turn === undefined) return { answer: `The test has run: ${lastResult(body)}` }
  return { answer: SAYS[turn], toolCalls: [callOf(turn, folder, tools)] }
}

/** Agents without tools edit by whole files, or by blocks, in the text. */
function withoutTools({ messages }: ChatRequest): string {
  const asked = JSON.stringify(messages)
  const whole = `The sign is wrong.\n\n${SOURCE}\n\`\`\`\nexports.add = (a, b) => ${FIX}\n\`\`\`\n`
  if (asked.includes('*file listing*')) return whole
  if (!asked.includes('<<<<<<< SEARCH')) return 'Mending a sum'
  const [before, after] = [BUG, FIX].map((text) => `exports.add = (a, b) => ${text}`)
  const block = ['<<<<<<< SEARCH', before, '=======', after, '>>>>>>> REPLACE'].join('\n')
  return `The sign is wrong.\n\n${SOURCE}\n\`\`\`js\n${block}\n\`\`\`\n`
}

/** How many turns of a conversation have called tools so far. */
export function turnOf({ messages }: ChatRequest): number {
  return messages.filter(
    (message) => message.role === 'assistant' && (message.tool_calls ?? []).length > 0,
  ).length
}

function lastResult({ messages }: ChatRequest): string {
  const result = messages.findLast(({ role }) => role === 'tool')
  return /test (?:passed|failed)/.exec(JSON.stringify(result?.content ?? ''))?.[0] ?? 'no result'
}

function callOf(
  turn: (typeof TURNS)[number],
  folder: string,
  tools: readonly OfferedTool[],
): { readonly name: string; readonly arguments: string } {
  const file = join(folder, SOURCE)
  const commands = {
    read: `cat ${file}`,
    edit: `sed -i 's/${BUG}/${FIX}/' ${file}`,
    run: `node ${join(folder, 'test.cjs')}`,
  }
  return toolCallFor(turn, tools, {
    file,
    folder,
    before: BUG,
    after: FIX,
    command: commands[turn],
  })
}
