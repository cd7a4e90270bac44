import { Command } from 'commander'
import type { RequestEvent } from '../../client/index.ts'
import { chooseModel } from '../choose-model.ts'
import {
  checkPolicy,
  type DispatchOptions,
  dispatchOf,
  withDispatchOptions,
} from '../dispatch-options.ts'
import { explain } from '../explain/index.ts'
import { type ModelOptions, withModelOptions } from '../model-options.ts'
import { openClient } from '../open-client.ts'
import { type PieceOptions, pieceColours, withPieceOptions } from '../piece-colours.ts'
import { readPrompt } from '../read-prompt.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  chatRequest,
  type SamplingOptions,
  timeoutOf,
  withSamplingOptions,
} from '../sampling-options.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { emitDone, printCut, printVerdict, streamAnswer } from '../stream-answer.ts'

interface AskOptions
  extends SharedOptions,
    SamplingOptions,
    DispatchOptions,
    ModelOptions,
    PieceOptions {
  readonly explain?: boolean
}

export function askCommand(runtime: Runtime): Command {
  const command = new Command('ask')
    .description('Asks one question and streams the answer. With - the prompt is read from stdin.')
    .argument('[prompt...]', 'what to ask')
  const asking = withDispatchOptions(withSamplingOptions(command))
  return withSharedOptions(withModelOptions(withPieceOptions(asking)))
    .option(
      '--explain',
      'afterwards show on stderr which peers were asked, why, and with what result',
    )
    .action(runtime.action(ask))
}

async function ask(
  session: Session,
  options: AskOptions,
  words: readonly string[],
): Promise<undefined> {
  const { terminal, signal } = session
  checkPolicy(options)
  const prompt = await readPrompt(words, session.stdin, signal)
  await using client = await openClient(session, options)
  const model = await chooseModel(client, options.model, signal)
  const colours = pieceColours(terminal, options)
  let shown = false
  let event: RequestEvent | undefined
  const answer = await streamAnswer(
    client,
    terminal,
    chatRequest(model, [{ role: 'user', content: prompt }], options),
    {
      signal,
      ...timeoutOf(options),
      ...dispatchOf(options),
      show: (piece, peerId) => {
        shown = true
        return colours(piece, peerId)
      },
      onEvent: (ended) => {
        event = ended
      },
    },
  ).finally(() => {
    // Whatever follows the answer, also an error, starts on a new line.
    if (shown) terminal.print('\n')
    if (options.explain === true && event !== undefined) explain(terminal, event)
  })
  emitDone(terminal, answer)
  if (!shown) terminal.print('\n')
  if (options.explain !== true) printVerdict(terminal, answer)
  printCut(terminal, answer)
  return undefined
}
