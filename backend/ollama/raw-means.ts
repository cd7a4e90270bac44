import { type BegunAnswer, TRIAL_QUESTION } from '../continuation/index.ts'
import type { ToolFormat } from '../marked-text/index.ts'
import { callFormatIn, SHOWN_CALL } from './call-format.ts'
import type { Conversation } from './rendered-prompt.ts'
import {
  closed,
  opensThoughts,
  type ThoughtLayout,
  thoughtLayoutIn,
  withThought,
} from './thought-layout.ts'

/** What has to be known of a model to continue its answers as raw text. */
export interface RawMeans {
  /** Undefined for a model that does not think, or thinks in another way. */
  readonly thoughts: ThoughtLayout | undefined
  /** Undefined for a model that takes no tools, or writes calls in another format. */
  readonly calls: ToolFormat | undefined
}

/** A model to ask. */
export interface RawModel {
  /** Renders a conversation; undefined from versions of Ollama that cannot. */
  render(conversation: Omit<Conversation, 'model' | 'think'>): Promise<string | undefined>
  /** Continues a raw prompt by a few tokens. */
  write(prompt: string): Promise<string>
}

const SHOWN: BegunAnswer = { reasoning: 'A thought to be found.', text: 'A text to be found.' }
const QUESTION = { role: 'user', content: TRIAL_QUESTION }
const TOOL = {
  type: 'function',
  function: { name: SHOWN_CALL.name, description: 'Does nothing.', parameters: { type: 'object' } },
} as const

/** Finds out by rendered messages how a model writes thoughts and calls. */
export async function rawMeans(model: RawModel, can: ReadonlySet<string>): Promise<RawMeans> {
  return {
    thoughts: can.has('thinking') ? await thoughtsOf(model) : undefined,
    calls: can.has('tools') ? await callsOf(model) : undefined,
  }
}

async function thoughtsOf(model: RawModel): Promise<ThoughtLayout | undefined> {
  const { reasoning, text } = SHOWN
  const shown = { role: 'assistant', content: text, thinking: reasoning }
  const rendered = await model.render({ messages: [QUESTION, shown] })
  const prompt = await model.render({ messages: [QUESTION] })
  const layout = rendered === undefined ? undefined : thoughtLayoutIn(rendered, SHOWN)
  if (layout === undefined || prompt === undefined) return undefined
  return await withOwnSpace(model, prompt, layout)
}

/** Templates are careless about blank space, and models write their own. */
async function withOwnSpace(
  model: RawModel,
  prompt: string,
  layout: ThoughtLayout,
): Promise<ThoughtLayout> {
  const written = opensThoughts(prompt, layout) ? trailingSpace(prompt) : ''
  const open = withThought(prompt, '', { ...layout, afterOpen: written })
  const afterOpen = await ownSpace(model, open, layout.afterOpen)
  const thinking = withThought(prompt, SHOWN.reasoning, { ...layout, afterOpen })
  const afterClose = await ownSpace(model, closed(thinking, layout), layout.afterClose)
  return { ...layout, afterOpen, afterClose }
}

/** The space at the end of a prompt, and what a model adds to it. @param otherwise if it writes nothing else */
async function ownSpace(model: RawModel, prompt: string, otherwise: string): Promise<string> {
  const written = await model.write(prompt)
  const rest = written.trimStart()
  if (rest === '') return otherwise
  return trailingSpace(prompt) + written.slice(0, written.length - rest.length)
}

function trailingSpace(text: string): string {
  return text.slice(text.trimEnd().length)
}

async function callsOf(model: RawModel): Promise<ToolFormat | undefined> {
  const call = { role: 'assistant', content: '', tool_calls: [{ function: SHOWN_CALL }] }
  const rendered = await model.render({ messages: [QUESTION, call], tools: [TOOL] })
  return rendered === undefined ? undefined : callFormatIn(rendered)
}
