import { type ResolvedModel, resolveModelSource } from '../../backend/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { modelCache } from '../directories.ts'
import type { Environment } from '../environment.ts'
import { openTyped } from '../open-typed.ts'
import { createProgress } from '../progress.ts'
import { useProxy } from '../proxy.ts'
import type { Session } from '../runtime.ts'

/** Makes a model available, with progress on the terminal. @throws UsageError if there is no such model */
export async function fetchModel(
  session: Session,
  source: string,
  options: {
    readonly sha256?: string
    readonly onProgress?: (receivedBytes: number, totalBytes: number) => void
  } = {},
): Promise<ResolvedModel> {
  const { sha256 } = options
  const { terminal, env, signal } = session
  useProxy(session)
  const progress = createProgress(terminal, { label: 'Downloading', unit: 'bytes' })
  try {
    return await openTyped(() =>
      resolveModelSource(source, {
        ...{ cacheDir: modelCache(env), signal, ...hubSettings(env) },
        ...(sha256 !== undefined && { sha256 }),
        onProgress: ({ receivedBytes, totalBytes = 0 }) => {
          progress.update(receivedBytes, totalBytes)
          options.onProgress?.(receivedBytes, totalBytes)
        },
        onRetry: (why, pauseMs) => {
          progress.end()
          terminal.log(`${plainLine(why)}: trying again in ${(pauseMs / 1000).toFixed(0)} s`)
        },
      }),
    )
  } finally {
    progress.end()
  }
}

/** Where `hf:` points, by the variables of Hugging Face's own tools. */
export function hubSettings(env: Environment): {
  readonly hubUrl?: string
  readonly hubToken?: string
} {
  const { HF_ENDPOINT: hubUrl = '', HF_TOKEN: hubToken = '' } = env
  return { ...(hubUrl !== '' && { hubUrl }), ...(hubToken !== '' && { hubToken }) }
}
