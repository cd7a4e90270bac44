import { Command } from 'commander'
import { chooseModel } from '../choose-model.ts'
import { openClient } from '../open-client.ts'
import { readPrompt } from '../read-prompt.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  chatRequest,
  type SamplingOptions,
  timeoutOf,
  withSamplingOptions,
} from '../sampling-options.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { emitDone, streamAnswer } from '../stream-answer.ts'

interface AskOptions extends SharedOptions, SamplingOptions {}

export function askCommand(runtime: Runtime): Command {
  const command = new Command('ask')
    .summary('ask one thing and print the answer as it comes')
    .description(
      'Asks one thing and prints the answer as it comes. With - the prompt is read from stdin.',
    )
    .argument('[prompt...]', 'what to ask')
  return withSharedOptions(withSamplingOptions(command)).action(runtime.action(ask))
}

async function ask(
  session: Session,
  options: AskOptions,
  words: readonly string[],
): Promise<undefined> {
  const { terminal, signal } = session
  const prompt = await readPrompt(words, session.stdin, signal)
  await using client = await openClient(session, options)
  const model = await chooseModel(client, options.model, signal)
  let shown = false
  try {
    const answer = await streamAnswer(
      client,
      terminal,
      chatRequest(model, [{ role: 'user', content: prompt }], options),
      {
        signal,
        ...timeoutOf(options),
        show: (piece) => {
          shown = true
          return piece
        },
      },
    )
    emitDone(terminal, answer)
    if (answer.finishReason === 'length' && !terminal.json) {
      terminal.print('\n')
      terminal.log('(cut at the token limit)')
    } else terminal.print('\n')
  } catch (error) {
    // The error's line starts on a line of its own, apart from what was answered.
    if (shown) terminal.print('\n')
    throw error
  }
  return undefined
}
