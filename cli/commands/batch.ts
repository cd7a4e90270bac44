import { rm, stat } from 'node:fs/promises'
import { Command } from 'commander'
import type { BatchRequest, Client } from '../../client/index.ts'
import {
  batchResultLine,
  GATEWAY_LIMITS,
  readBatchLine,
  readLines,
  validateFile,
  WrittenResults,
} from '../../gateway/index.ts'
import { type DispatchOptions, dispatchOf, withDispatchOptions } from '../dispatch-options.ts'
import { EXIT } from '../exit-codes.ts'
import { type ModelOptions, withModelOptions } from '../model-options.ts'
import { openClient } from '../open-client.ts'
import { wholeNumber } from '../option-parsers.ts'
import { createProgress } from '../progress.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { UsageError } from '../usage-error.ts'

interface BatchOptions extends SharedOptions, DispatchOptions, ModelOptions {
  readonly out?: string
  readonly timeoutSeconds?: number
  readonly deadlineSeconds?: number
}

export function batchCommand(runtime: Runtime): Command {
  const run = new Command('run')
    .summary('answer all requests of a JSONL file')
    .description(
      "Answers all requests of a file in the form of OpenAI's batches, spread over all peers. What has an answer in the results already is not asked again: after an interruption, or for those that failed, run the same command once more.",
    )
    .argument('<file>', 'one request a line: {"custom_id", "method": "POST", "url", "body"}')
  withSharedOptions(withModelOptions(withDispatchOptions(run)))
    .option('--out <file>', 'file for the results (default: NAME.results.jsonl next to the input)')
    .option('--timeout-seconds <n>', 'limit for one attempt at a request', wholeNumber(1))
    .option('--deadline-seconds <n>', 'limit for the whole batch (default: a day)', wholeNumber(1))
    .action(runtime.action(runBatch))
  return new Command('batch').addCommand(run)
}

async function runBatch(
  session: Session,
  options: BatchOptions,
  [file = '']: readonly string[],
): Promise<number> {
  const { terminal, signal } = session
  const { total } = await readable(file)
  const output = options.out ?? `${file.replace(/\.jsonl$/, '')}.results.jsonl`
  const errors = `${output.replace(/\.jsonl$/, '')}.errors.jsonl`
  // Failed requests are tried once more.
  await rm(errors, { force: true })
  const results = await WrittenResults.open({ output, errors })
  const before = results.completed
  if (before > 0) terminal.log(`${before} of ${total} requests already have an answer in ${output}`)
  if (before < total) {
    await using client = await openClient(session, options)
    await answerAll(session, client, { file, total, results, options })
  }
  const { completed, failed, usage } = results
  const tokens = usage.input + usage.output
  terminal.emit({ event: 'done', total, completed, failed, tokens, output } as { event: 'done' })
  terminal.print(`${completed} of ${total} answered: ${output}\n`)
  if (failed === 0) return EXIT.ok
  terminal.print(`${failed} failed: ${errors}\n`)
  signal.throwIfAborted()
  return EXIT.peersFailed
}

interface Work {
  readonly file: string
  readonly total: number
  readonly results: WrittenResults
  readonly options: BatchOptions
}

async function answerAll(
  { terminal, signal }: Session,
  client: Client,
  { file, total, results, options }: Work,
): Promise<void> {
  const progress = createProgress(terminal, { label: 'Answering', unit: 'fraction' })
  const { timeoutSeconds, deadlineSeconds } = options
  const batch = client.batch(open(file, results), {
    signal,
    ...dispatchOf(options),
    ...(timeoutSeconds !== undefined && { timeoutMs: timeoutSeconds * 1_000 }),
    ...(deadlineSeconds !== undefined && { deadlineMs: deadlineSeconds * 1_000 }),
  })
  try {
    for await (const result of batch) {
      const isAnswered = result.answer !== undefined
      await results.add(batchResultLine(result), isAnswered ? 'completed' : 'failed')
      progress.update(results.completed + results.failed, total)
      const status = result.answer?.skein.verification?.status
      const line = {
        ...{ custom_id: result.id, code: result.error?.code ?? 'answered' },
        ...(status !== undefined && { verification: status }),
      }
      terminal.emit({ event: 'result', ...line } as { event: 'result' })
    }
  } finally {
    progress.end()
  }
}

async function* open(
  file: string,
  results: WrittenResults,
): AsyncGenerator<BatchRequest, void, void> {
  for await (const { text } of readLines(file, { maxLineBytes: GATEWAY_LIMITS.maxBodyBytes })) {
    const request = readBatchLine(text)
    if (!results.has(request.id)) yield request
  }
}

/** @throws UsageError if the file does not exist or a line is not a valid request */
async function readable(file: string): Promise<{ readonly total: number }> {
  const found = await stat(file).catch(() => undefined)
  if (found?.isFile() !== true) throw new UsageError(`there is no file ${file}`)
  const { maxBodyBytes, maxBatchRequests } = GATEWAY_LIMITS
  const { total, errors } = await validateFile(file, {
    maxLineBytes: maxBodyBytes,
    maxRequests: maxBatchRequests,
  })
  if (errors.length === 0) return { total }
  const lines = errors.map(({ line, message }) =>
    line === null ? message : `line ${line}: ${message}`,
  )
  throw new UsageError(`${file} is not a valid batch:\n  ${lines.join('\n  ')}`)
}
