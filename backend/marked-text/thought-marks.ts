/** How a model marks its thoughts, according to its chat template. */
export interface ThoughtMarks {
  readonly open: string
  readonly close: string
}

const MARKS: readonly ThoughtMarks[] = [
  // Qwen 3, DeepSeek R1 and most others.
  { open: '<think>', close: '</think>' },
  // Magistral.
  { open: '[THINK]', close: '[/THINK]' },
  // Seed-OSS.
  { open: '<seed:think>', close: '</seed:think>' },
]

/** The marks of a template; undefined if it has none. */
export function thoughtMarksOf(template: string): ThoughtMarks | undefined {
  // The closing mark alone: some templates only take thoughts out of earlier answers.
  return MARKS.find(({ close }) => template.includes(close))
}

/** Whether a template switches thinking off on request. */
export function switchesThinking(template: string): boolean {
  return /\benable_thinking\b/.test(template)
}

/** What ends thoughts that a prompt has opened. */
export function closing({ close }: ThoughtMarks): string {
  return `\n${close}\n\n`
}
