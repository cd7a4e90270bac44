import http from 'node:http'
import { type ResolvedModel, resolveModelSource } from '../../backend/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { modelCache } from '../directories.ts'
import type { Environment } from '../environment.ts'
import { createProgress } from '../progress.ts'
import type { Session } from '../runtime.ts'
import { openTyped } from '../usage-error.ts'

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

/** Downloads go through the proxy of the environment, where this Node can do so. */
export function useProxy({ env, terminal }: Pick<Session, 'env' | 'terminal'>): void {
  const proxy = env.HTTPS_PROXY ?? env['https_proxy'] ?? ''
  if (proxy === '') return
  const { setGlobalProxyFromEnv: use } = http as Partial<Pick<typeof http, 'setGlobalProxyFromEnv'>>
  if (use === undefined) {
    terminal.log('HTTPS_PROXY is not used: this Node cannot do so, Node 24 can.')
    return
  }
  // Engines of this machine are asked directly.
  const none = env.NO_PROXY ?? env['no_proxy'] ?? ''
  use({ HTTPS_PROXY: proxy, NO_PROXY: [none, 'localhost,127.0.0.1,::1'].filter(Boolean).join(',') })
}
