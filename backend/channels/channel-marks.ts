/** Marks that begin a message or its header. */
const OPENING = ['<|channel|>', '<|start|>', '<|message|>'] as const
/** The end of a header. */
export const MESSAGE = '<|message|>'
/** What ends a message. Some engines leave out the end of one before the next header. */
export const CLOSING = ['<|end|>', '<|return|>', '<|call|>', '<|start|>', '<|channel|>'] as const

/** Headers of an engine that leaves out the marks: the text follows the channel's name at once. */
const UNMARKED =
  /^\s*(?:analysis(?=[\p{Lu}\d"'`(*])|commentary to=|assistant(?:analysis|commentary|final))/u
const NAMES = [
  ...['analysis', 'commentary to='],
  ...['assistantanalysis', 'assistantcommentary', 'assistantfinal'],
]

/** Whether an answer begins with a channel; undefined while too little of it is known. */
export function beginsWithChannel(text: string): boolean | undefined {
  const begun = text.trimStart()
  if (OPENING.some((mark) => begun.startsWith(mark))) return true
  return OPENING.some((mark) => mark.startsWith(begun)) ? undefined : false
}

/** Whether an answer of gpt-oss begins with a channel's name; undefined while too little of it is known. */
export function beginsUnmarked(text: string): boolean | undefined {
  if (UNMARKED.test(text)) return true
  const begun = text.trimStart()
  return NAMES.some((name) => name.startsWith(begun)) ? undefined : false
}
