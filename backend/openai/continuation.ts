import type { BegunAnswer } from '../continuation/index.ts'
import type { Flavor } from './flavor.ts'

/** Fields that make an engine continue the last message and send only the rest, if it does not by default. */
export function continuationFields(
  { text, reasoning }: BegunAnswer,
  flavor: Flavor,
): Readonly<Record<string, unknown>> {
  const isThinking = text === '' && reasoning !== ''
  if (text === '' && !isThinking) return {}
  switch (flavor) {
    case 'vllm':
      return { continue_final_message: true, add_generation_prompt: false }
    // Without the fields it continues as well, but repeats the beginning.
    case 'llama-server':
      return {
        continue_final_message: isThinking ? 'reasoning_content' : true,
        add_generation_prompt: false,
      }
    case 'sglang':
      return { continue_final_message: true }
    case 'lm-studio':
    case 'generic':
    case 'openai':
      return {}
    default:
      return flavor satisfies never
  }
}
