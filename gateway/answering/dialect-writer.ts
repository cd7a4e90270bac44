import type { InferenceError, OpenAiUsage } from '../../protocol/index.ts'
import type { VerificationSummary } from '../http/index.ts'

/** Writes a streamed answer in one dialect. An empty text is not sent. */
export interface DialectWriter<T> {
  /** Called first. `first` is present unless the answer was slow to begin. */
  begin(first: T | undefined): string
  /** @throws InferenceError for a piece that the dialect cannot express */
  take(chunk: T): string
  /**
   * @param verification how the answer was checked, if the caller waited for that
   * @throws InferenceError as `take`
   */
  end(usage: OpenAiUsage, verification: VerificationSummary | undefined): string
  /** Written in place of the remainder and the end. */
  fail(failure: InferenceError): string
}
