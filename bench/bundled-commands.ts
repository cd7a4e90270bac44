import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Bundles the commands as the package has them, in some seconds. @returns the path of their script */
export async function bundleCommands(): Promise<string> {
  const bundler = fileURLToPath(new URL('../checks/bundle-commands.ts', import.meta.url))
  await promisify(execFile)(process.execPath, [bundler])
  return fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
}
