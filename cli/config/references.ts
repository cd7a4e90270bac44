import { readFileSync } from 'node:fs'

const REFERENCE = /\$\{(?:file:(?<file>[^}]+)|(?<variable>[A-Za-z_][A-Za-z0-9_]*))\}/g

/**
 * Replaces `${NAME}` by the environment variable and `${file:PATH}` by the file's text without its last line end, so
 * that secrets need not stand in the configuration.
 *
 * @param onFault receives each reference that cannot be resolved: a variable that is not set, a file that cannot be read.
 *   It contains no secret
 */
export function expandReferences(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  onFault: (why: string) => void,
): string {
  return text.replaceAll(REFERENCE, (_whole, file: string | undefined, variable: string) => {
    if (file !== undefined) return textOf(file, onFault)
    const value = env[variable]
    if (value === undefined) onFault(`The environment variable ${variable} is not set.`)
    return value ?? ''
  })
}

function textOf(file: string, onFault: (why: string) => void): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    onFault(why.includes(file) ? why : `${file}: ${why}`)
    return ''
  }
}
