import { createInterface } from 'node:readline'
import { Command } from 'commander'
import type { Client } from '../../client/index.ts'
import { type ChatMessage, InferenceError, plainLine } from '../../protocol/index.ts'
import { readEntry } from '../chat-entry.ts'
import { chooseModel } from '../choose-model.ts'
import {
  checkPolicy,
  type DispatchOptions,
  dispatchOf,
  withDispatchOptions,
} from '../dispatch-options.ts'
import { type ModelOptions, withModelOptions } from '../model-options.ts'
import { openClient } from '../open-client.ts'
import { type PieceOptions, pieceColours, withPieceOptions } from '../piece-colours.ts'
import { reportError } from '../report-error.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  chatRequest,
  type SamplingOptions,
  timeoutOf,
  withSamplingOptions,
} from '../sampling-options.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { emitDone, printCut, printVerdict, streamAnswer } from '../stream-answer.ts'

interface ChatOptions
  extends SharedOptions,
    SamplingOptions,
    DispatchOptions,
    ModelOptions,
    PieceOptions {}

export function chatCommand(runtime: Runtime): Command {
  const command = new Command('chat').description(
    'Chats with a model, line by line. /reset starts over, /exit leaves, Ctrl-C cancels an answer; //text sends /text.',
  )
  const asking = withDispatchOptions(withSamplingOptions(command))
  return withSharedOptions(withModelOptions(withPieceOptions(asking))).action(runtime.action(chat))
}

async function chat(session: Session, options: ChatOptions): Promise<undefined> {
  const { terminal, signal } = session
  checkPolicy(options)
  await using client = await openClient(session, options)
  const model = await chooseModel(client, options.model, signal)
  const readline = createInterface({
    input: session.stdin,
    ...(terminal.interactive && { output: session.stdout, prompt: '> ' }),
    terminal: terminal.interactive,
  })
  let closed = false
  readline.once('close', () => {
    closed = true
  })
  const prompt = (): void => {
    // After its input has ended the line editor refuses to prompt, although it still has lines to deliver.
    if (!closed) readline.prompt()
  }
  const leave = (): void => readline.close()
  signal.addEventListener('abort', leave, { once: true })
  // The line editor receives Ctrl-C. At the prompt it exits; during an answer the answer's interceptor handles it.
  readline.on('SIGINT', () => session.interrupts.receive('SIGINT'))
  terminal.print(`Talking with ${plainLine(model)}. /exit leaves.\n`)
  let history: readonly ChatMessage[] = []
  try {
    prompt()
    for await (const line of readline) {
      const entry = readEntry(line)
      if (entry.type === 'exit') break
      if (entry.type === 'reset') history = []
      if (entry.type === 'help') terminal.print(`${entry.text}\n`)
      if (entry.type === 'text') {
        history = await turn(session, client, model, options, history, entry.text)
      }
      if (signal.aborted) break
      prompt()
    }
  } finally {
    signal.removeEventListener('abort', leave)
    readline.close()
  }
  return undefined
}

const CONTEXT_FULL =
  'The conversation exceeds the model’s context: start over with /reset, or ask something shorter.'

/** One question and its answer. A failed turn leaves no trace in the history. */
async function turn(
  session: Session,
  client: Client,
  model: string,
  options: ChatOptions,
  history: readonly ChatMessage[],
  said: string,
): Promise<readonly ChatMessage[]> {
  const { terminal } = session
  const breakOff = new AbortController()
  // Without a person at the prompt there is no conversation to stay in.
  const restore = terminal.interactive
    ? session.interrupts.intercept(() => {
        breakOff.abort(new InferenceError('cancelled', 'broken off'))
      })
    : () => undefined
  const asked: readonly ChatMessage[] = [...history, { role: 'user', content: said }]
  try {
    const answer = await streamAnswer(client, terminal, chatRequest(model, asked, options), {
      signal: AbortSignal.any([session.signal, breakOff.signal]),
      ...timeoutOf(options),
      ...dispatchOf(options),
      show: pieceColours(terminal, options),
    })
    emitDone(terminal, answer)
    terminal.print('\n')
    printVerdict(terminal, answer)
    printCut(terminal, answer)
    return [...asked, { role: 'assistant', content: answer.text }]
  } catch (error) {
    if (session.signal.aborted) throw error
    terminal.print('\n')
    reportError(terminal, error, session.commandName, {
      ...options,
      ...(history.length > 0 && { contextAdvice: CONTEXT_FULL }),
    })
    return history
  } finally {
    restore()
  }
}
