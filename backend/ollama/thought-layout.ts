import type { BegunAnswer } from '../continuation/index.ts'
import type { ThoughtMarks } from '../marked-text/index.ts'

/** How a model writes its thoughts: their marks, and the blank space beside them. */
export interface ThoughtLayout {
  readonly marks: ThoughtMarks
  readonly afterOpen: string
  /** Only for thoughts that do not end with blank space of their own. */
  readonly beforeClose: string
  readonly afterClose: string
}

/** `<think>` or `[THINK]`. */
const OPEN = /(<([\w:|-]+)>|\[(\w+)\])(\s*)$/
const CLOSE = /^(\s*)(<\/([\w:|-]+)>|\[\/(\w+)\])(\s*)/

/**
 * The layout of a rendered conversation whose last message has this thought and text. Undefined if the template leaves out
 * either, or writes other than a pair of marks around the thought.
 */
export function thoughtLayoutIn(
  rendered: string,
  { reasoning, text }: BegunAnswer,
): ThoughtLayout | undefined {
  const at = rendered.lastIndexOf(reasoning)
  if (at < 0) return undefined
  const open = OPEN.exec(rendered.slice(0, at))
  const rest = rendered.slice(at + reasoning.length)
  const close = CLOSE.exec(rest)
  if (open === null || close === null || !rest.slice(close[0].length).startsWith(text)) {
    return undefined
  }
  const [, opening = '', tag, bracket, afterOpen = ''] = open
  const [, beforeClose = '', closing = '', closedTag, closedBracket, afterClose = ''] = close
  if (tag !== closedTag || bracket !== closedBracket) return undefined
  return { marks: { open: opening, close: closing }, afterOpen, beforeClose, afterClose }
}

/** Whether a rendered prompt opens the thoughts. */
export function opensThoughts(prompt: string, { marks }: ThoughtLayout): boolean {
  return prompt.trimEnd().endsWith(marks.open)
}

/** A rendered prompt with the beginning of thoughts. */
export function withThought(prompt: string, thought: string, layout: ThoughtLayout): string {
  const { marks, afterOpen } = layout
  const opened = opensThoughts(prompt, layout) ? prompt.trimEnd() : prompt + marks.open
  return opened + afterOpen + thought
}

/** A rendered prompt with the beginning of its answer. */
export function withAnswer(
  prompt: string,
  { text, reasoning }: BegunAnswer,
  layout: ThoughtLayout | undefined,
): string {
  if (layout === undefined || (reasoning === '' && !opensThoughts(prompt, layout))) {
    return prompt + text
  }
  const thinking = withThought(prompt, reasoning, layout)
  return text === '' ? thinking : closed(thinking, layout) + layout.afterClose + text
}

/** A prompt whose thoughts end here. */
export function closed(thinking: string, { marks, beforeClose }: ThoughtLayout): string {
  return thinking + (/\s$/.test(thinking) ? '' : beforeClose) + marks.close
}
