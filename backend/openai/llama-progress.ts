import type { InferOptions } from '../backend.ts'
import { countAt, isAbsent, type Json, recordAt } from '../shapes/index.ts'

export type OnProgress = NonNullable<InferOptions['onProgress']>

/** Cheap: the whole record is read later. */
export function isReport(record: string): boolean {
  return record.includes('"prompt_progress":{')
}

/**
 * Whether a record reports how much of the prompt llama-server has read, instead of a part of the answer; passed on to
 * `onProgress`. One follows each batch, of 2048 tokens by default.
 */
export function reportProgress({ prompt_progress: sent }: Json, onProgress?: OnProgress): boolean {
  if (isAbsent(sent)) return false
  const { processed, total } = recordAt(sent, 'prompt_progress')
  const tokens = countAt(processed, 'prompt_progress.processed')
  const of = countAt(total, 'prompt_progress.total')
  if (tokens !== undefined && of !== undefined && of > 0 && tokens <= of) {
    onProgress?.({ phase: 'prefill', tokens, of })
  }
  return true
}
