import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

const REPOSITORY = /^[\w.-]+\/[\w.-]+$/

/**
 * The folder in Hugging Face's cache where a repository such as `Qwen/Qwen3-8B` was downloaded to. Undefined if it is
 * absent, or present in several versions: the engine does not report which one it loaded.
 */
export async function hubSnapshot(
  repository: string,
  hubDirectory: string,
): Promise<string | undefined> {
  if (!REPOSITORY.test(repository) || repository.includes('..')) return undefined
  const folder = join(hubDirectory, `models--${repository.replace('/', '--')}`, 'snapshots')
  const [first, ...others] = await readdir(folder).catch(() => [])
  return first === undefined || others.length > 0 ? undefined : join(folder, first)
}
