import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Whether node-llama-cpp, which is optional, can be imported. */
export function isEmbeddedInstalled(): boolean {
  try {
    return existsSync(fileURLToPath(import.meta.resolve('node-llama-cpp')))
  } catch {
    return false
  }
}
