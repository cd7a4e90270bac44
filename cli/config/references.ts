import { readFileSync } from 'node:fs'

const REFERENCE = /\$\{(?:file:(?<file>[^}]+)|(?<variable>[A-Za-z_][A-Za-z0-9_]*))\}/g

/**
 * Replaces `${NAME}` by the environment variable and `${file:PATH}` by the file's text without its last line end, so
 * that secrets need not stand in the configuration.
 *
 * @throws Error if a variable is not set or a file cannot be read; the message contains no secret
 */
export function expandReferences(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  return text.replaceAll(REFERENCE, (_whole, file: string | undefined, variable: string) => {
    if (file !== undefined) return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    const value = env[variable]
    if (value === undefined) throw new Error(`The environment variable ${variable} is not set.`)
    return value
  })
}
