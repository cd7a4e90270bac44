import {
  switchesThinking,
  type ThoughtMarks,
  type ToolFormat,
  thoughtMarksOf,
  toolFormatOf,
} from '../marked-text/index.ts'

/** What a chat template says about a model. */
export interface TemplateTraits {
  /** How calls are written; undefined if the template takes no tools. */
  readonly toolFormat: ToolFormat | undefined
  /** How thoughts are marked; undefined if the model is not known to think. */
  readonly thoughts: ThoughtMarks | undefined
  readonly switchesThinking: boolean
}

export function traitsOf(template: string | undefined): TemplateTraits {
  return {
    toolFormat: template === undefined ? undefined : toolFormatOf(template),
    thoughts: template === undefined ? undefined : thoughtMarksOf(template),
    switchesThinking: template !== undefined && switchesThinking(template),
  }
}
