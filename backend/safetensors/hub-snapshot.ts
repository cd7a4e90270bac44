import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

const REPOSITORY = /^[\w.-]+\/[\w.-]+$/

/**
 * The folder in Hugging Face's cache where a repository such as `Qwen/Qwen3-8B` was downloaded to. Undefined where it is
 * not there, or there in several versions: the engine does not say which one it took.
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
