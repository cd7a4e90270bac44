import { exec } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { stepCountIs, streamText, tool } from 'ai'
import { z } from 'zod'

/** A coding session with the AI SDK: SKEIN_TASK, at the gateway SKEIN_URL. */

const { SKEIN_URL = '', SKEIN_TASK = '' } = process.env
const MAX_STEPS = 10

const skein = createOpenAICompatible({ name: 'skein', baseURL: `${SKEIN_URL}/v1` })
const answer = streamText({
  model: skein('coder'),
  maxRetries: 0,
  prompt: SKEIN_TASK,
  stopWhen: stepCountIs(MAX_STEPS),
  tools: {
    read_file: tool({
      description: 'Reads a file.',
      inputSchema: z.object({ path: z.string() }),
      execute: async ({ path }) => await readFile(path, 'utf8'),
    }),
    edit_file: tool({
      description: 'Replaces a text in a file.',
      inputSchema: z.object({ path: z.string(), old: z.string(), new: z.string() }),
      execute: async ({ path, old, new: next }) => {
        await writeFile(path, (await readFile(path, 'utf8')).replaceAll(old, next))
        return 'edited'
      },
    }),
    run_command: tool({
      description: 'Runs a command.',
      inputSchema: z.object({ command: z.string() }),
      execute: async ({ command }) => (await promisify(exec)(command)).stdout,
    }),
  },
})
for await (const part of answer.fullStream) {
  if (part.type === 'error') throw part.error
}
console.log(await answer.text)
