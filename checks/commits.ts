/** Commits that are not on the target branch yet: a short subject, and a body that says why. */
import { execFileSync } from 'node:child_process'
import type { Findings } from './check.ts'

const MAX_SUBJECT = 72
/** The first that exists is the branch that the commits will land on. */
const TARGETS = ['origin/main', 'main']
const SEPARATOR = '\u0000'

export function checkCommits(): Findings {
  const target = TARGETS.find((name) => git('rev-parse', '--verify', '--quiet', name) !== undefined)
  if (target === undefined) return { faults: [], summary: 'no target branch to compare with' }
  const log = git('log', '--no-merges', '-z', '--format=%h %B', `${target}..HEAD`) ?? ''
  const commits = log.split(SEPARATOR).filter((text) => text !== '')
  return {
    faults: commits.flatMap(commitFaults),
    summary: `${commits.length} commits beyond ${target}`,
  }
}

/** @param commit its hash, a blank, and its whole message */
export function commitFaults(commit: string): string[] {
  const [first = '', blank = '', ...body] = commit.trimEnd().split('\n')
  const hash = first.slice(0, first.indexOf(' '))
  const subject = first.slice(hash.length + 1)
  const faults: string[] = []
  if (subject.length > MAX_SUBJECT) {
    faults.push(`${hash}: subject of ${subject.length} characters; ${MAX_SUBJECT} at most`)
  }
  if (subject.endsWith('.')) faults.push(`${hash}: subject ends with a full stop`)
  if (blank !== '') faults.push(`${hash}: no blank line after the subject`)
  else if (body.join('').trim() === '') faults.push(`${hash}: no body that says why`)
  return faults
}

/** @returns undefined if the command fails, or where there is no Git */
function git(...args: readonly string[]): string | undefined {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return undefined
  }
}
