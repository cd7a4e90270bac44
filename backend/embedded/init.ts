import { availableParallelism } from 'node:os'
import { normalizeModelId } from '../../protocol/index.ts'
import { modelIdOf } from '../model-id.ts'

/** A model file and how the llama.cpp child process runs it. */
export interface EmbeddedInit {
  /** A GGUF file. */
  readonly modelPath: string
  /** @default the file's name without `.gguf` and without the name of its quantization */
  readonly modelId?: string
  /** A Jinja chat template to use in place of the file's own. @default the file's */
  readonly chatTemplate?: string
  /** @default none */
  readonly aliases?: readonly string[]
  /** Answers written at a time. On a CPU they share its speed. @default 4 */
  readonly slots?: number
  /** Tokens of prompt and answer together, for each slot; memory grows with it. @default 4096, or what the model was trained on where that is less */
  readonly contextSize?: number
  /** @default all cores but one: using more cores than are free makes an engine much slower */
  readonly threads?: number
  /** `auto` uses a GPU where a build for it is installed. @default false */
  readonly gpu?: false | 'auto'
  /**
   * An answer resumed after up to this many tokens continues exactly as it would have at the first engine, because they
   * are evaluated one by one; a longer prefix is read in batches, which is faster but rounds differently. @default 128, for
   * a pause of a few seconds at the speed of a small model on a CPU
   */
  readonly exactResumeTokens?: number
  /** Weights digests are remembered here. @default none */
  readonly cacheDir?: string
  /** Loading the model may take this long. @default 300_000, for tens of gigabytes from a slow disk */
  readonly startTimeoutMs?: number
  /** A request waits this long for an engine that is being restarted, then fails with `loading`. @default 30_000 */
  readonly readyTimeoutMs?: number
  /**
   * A process that has not stopped a cancelled request after this time counts as hung; it is killed and restarted.
   * @default 60_000, for a long text that a slow CPU embeds in one go
   */
  readonly cancelTimeoutMs?: number
  /** Fractions of 1 while the model is loaded. */
  readonly onProgress?: (fraction: number) => void
  /** Aborts the creation. */
  readonly signal?: AbortSignal
}

export const DEFAULT_SLOTS = 4
export const DEFAULT_CONTEXT = 4_096

type Optional = 'cacheDir' | 'chatTemplate' | 'signal'

export type ResolvedInit = Required<Omit<EmbeddedInit, Optional>> & Pick<EmbeddedInit, Optional>

export function resolveInit(init: EmbeddedInit): ResolvedInit {
  return {
    ...init,
    modelId: normalizeModelId(init.modelId ?? modelIdOf(init.modelPath)),
    aliases: (init.aliases ?? []).map(normalizeModelId),
    slots: Math.max(1, Math.trunc(init.slots ?? DEFAULT_SLOTS)),
    contextSize: init.contextSize ?? DEFAULT_CONTEXT,
    threads: init.threads ?? Math.max(1, availableParallelism() - 1),
    gpu: init.gpu ?? false,
    exactResumeTokens: init.exactResumeTokens ?? 128,
    startTimeoutMs: init.startTimeoutMs ?? 300_000,
    readyTimeoutMs: init.readyTimeoutMs ?? 30_000,
    cancelTimeoutMs: init.cancelTimeoutMs ?? 60_000,
    onProgress: init.onProgress ?? (() => undefined),
  }
}
