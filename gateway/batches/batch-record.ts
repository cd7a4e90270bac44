import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { ASKING_HEADERS, type AskingHeaders } from '../answering/index.ts'
import { BATCH_ENDPOINTS } from './batch-line.ts'
import type { StoredRecord } from './records.ts'

/** An error in the file of a batch. */
export interface LineError {
  readonly code: string
  /** From 1; absent for the file as a whole. */
  readonly line: number | null
  readonly message: string
  readonly param: string | null
}

/** The stored record of a batch. Times are seconds since 1970. */
export interface BatchRecord extends StoredRecord {
  readonly endpoint: string
  readonly input_file_id: string
  readonly completion_window: string
  readonly metadata: Readonly<Record<string, string>> | null
  /** Request options that the caller set when the batch was created. */
  readonly asking: AskingHeaders
  readonly status: (typeof STATUSES)[number]
  readonly expires_at: number
  readonly in_progress_at?: number | undefined
  readonly finalizing_at?: number | undefined
  readonly completed_at?: number | undefined
  readonly failed_at?: number | undefined
  readonly expired_at?: number | undefined
  readonly cancelling_at?: number | undefined
  readonly cancelled_at?: number | undefined
  /** Written from the start; shown once they are files. */
  readonly output_file_id: string
  readonly error_file_id: string
  readonly hasOutput: boolean
  readonly hasErrors: boolean
  readonly errors: readonly LineError[]
  /** Final counts; while it runs they are recounted from the files. */
  readonly counts: { readonly total: number; readonly completed: number; readonly failed: number }
  readonly usage: { readonly input: number; readonly cached: number; readonly output: number }
}

const STATUSES = [
  'validating',
  'failed',
  'in_progress',
  'finalizing',
  'completed',
  'expired',
  'cancelling',
  'cancelled',
] as const

const seconds = z.number().optional()

const schema: z.ZodType<BatchRecord> = z.object({
  id: z.string().regex(/^batch_[0-9a-f]{24}$/),
  owner: z.string(),
  endpoint: z.enum(Object.keys(BATCH_ENDPOINTS)),
  input_file_id: z.string(),
  completion_window: z.string(),
  metadata: z.record(z.string(), z.string()).nullable(),
  // A record with unknown options is not read: they may restrict which peers see its requests.
  asking: z.partialRecord(z.enum(ASKING_HEADERS), z.string()).default({}),
  status: z.enum(STATUSES),
  created_at: z.number(),
  expires_at: z.number(),
  in_progress_at: seconds,
  finalizing_at: seconds,
  completed_at: seconds,
  failed_at: seconds,
  expired_at: seconds,
  cancelling_at: seconds,
  cancelled_at: seconds,
  output_file_id: z.string(),
  error_file_id: z.string(),
  hasOutput: z.boolean(),
  hasErrors: z.boolean(),
  errors: z.array(
    z.object({
      code: z.string(),
      line: z.number().nullable(),
      message: z.string(),
      param: z.string().nullable(),
    }),
  ),
  counts: z.object({ total: z.number(), completed: z.number(), failed: z.number() }),
  usage: z.object({ input: z.number(), cached: z.number(), output: z.number() }),
})

/** Final states. */
const ENDED: ReadonlySet<BatchRecord['status']> = new Set([
  'failed',
  'completed',
  'expired',
  'cancelled',
])

export function hasEnded({ status }: Pick<BatchRecord, 'status'>): boolean {
  return ENDED.has(status)
}

export function readBatchRecord(value: unknown): BatchRecord | undefined {
  return schema.safeParse(value).data
}

export function newBatchId(): string {
  return `batch_${randomBytes(12).toString('hex')}`
}

/** A batch in OpenAI's form. */
export function shownBatch(record: BatchRecord): object {
  const { owner: _, asking: __, hasOutput, hasErrors, errors, counts, usage, ...shown } = record
  const { input, cached, output } = usage
  return {
    ...shown,
    object: 'batch',
    output_file_id: hasOutput ? record.output_file_id : null,
    error_file_id: hasErrors ? record.error_file_id : null,
    errors: errors.length > 0 ? { object: 'list', data: errors } : null,
    request_counts: counts,
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: cached },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: input + output,
    },
  }
}
