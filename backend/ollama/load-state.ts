import { delay, systemClock } from '../../timing/index.ts'
import type { InferOptions } from '../backend.ts'
import { asArray, asRecord, type EngineHttp } from '../http/index.ts'

/** Most answers of a loaded model begin sooner, without a look. */
const FIRST_LOOK_MS = 250
/** Interval between two looks at the loaded models, each a short local call. */
const LOOK_MS = 1_000

export interface LoadWatch {
  /** Whether the model was not in memory when the watch began; undefined until that is known. */
  readonly cold: boolean | undefined
}

/**
 * Watches whether Ollama has a model in memory: it says nothing about a request before the first token, but lists the
 * loaded models. Reports `loading` until the model is listed, then `working`. Ends with the signal.
 */
export function watchLoading(
  http: EngineHttp,
  engineName: string,
  options: { readonly signal: AbortSignal; readonly onProgress?: InferOptions['onProgress'] },
): LoadWatch {
  const { signal, onProgress } = options
  const watch: { cold: boolean | undefined } = { cold: undefined }
  const look = async (): Promise<void> => {
    await delay(FIRST_LOOK_MS, { signal, clock: systemClock })
    for (;;) {
      const { models } = await http.get('/api/ps', { signal })
      const isLoaded = asArray(models).some((model) => {
        const { name } = asRecord(model)
        return name === engineName
      })
      watch.cold ??= !isLoaded
      if (watch.cold) onProgress?.({ phase: isLoaded ? 'working' : 'loading' })
      if (isLoaded) return
      await delay(LOOK_MS, { signal, clock: systemClock })
    }
  }
  // The request itself reports an engine that does not answer.
  look().catch(() => undefined)
  return watch
}
