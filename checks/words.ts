/** Phrases that make a reader translate. The glossary in docs/architecture.md has the terms to use instead. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Findings } from './check.ts'

/** Each with what to write instead. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/\bwho(?:m|so)?ever\b/i, 'name the peer, the caller or the operator'],
  [/\bnobody\b|\bno one\b/i, "'no peer', 'no caller', or turn the sentence round"],
  [/\bin vain\b/i, "'without a result'"],
  [/\btold (?:of|about)\b/i, "'receives', 'is notified of', or the event's name"],
  [/\bthe undoing\b/i, "'unsubscribe' or 'undo'"],
  [/\b(?:is|are|was|were) none\b/i, "'is invalid', 'is absent', 'does not exist'"],
  [/\b(?:its|their|his) (?:own )?word\b/i, "'reported by' or 'according to'"],
]

/** The check itself, decisions (a record of their time) and generated files are exempt. */
const EXEMPT = /^checks\/words\.ts$|^test\/unit\/checks\/|^docs\/decisions\/|_pb\.ts$/

/** @returns one line for each phrase that a file has */
export function wordFaults(path: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) =>
    PHRASES.flatMap(([phrase, instead]) => {
      const found = phrase.exec(line)
      return found === null ? [] : [`${path}:${index + 1}: '${found[0]}'; write ${instead}`]
    }),
  )
}

export function checkWords(): Findings {
  const files = execFileSync('git', ['ls-files', '*.ts', '*.md'], { encoding: 'utf8' })
    .split('\n')
    .filter((path) => path !== '' && !EXEMPT.test(path))
  return {
    faults: files.flatMap((path) => wordFaults(path, readFileSync(path, 'utf8'))),
    summary: `${files.length} files without a phrase of the list`,
  }
}
