import type { AuditReport, Unrated, Verification } from '../../client/index.ts'
import { plainLine } from '../plain-text.ts'
import { shortId } from './short-id.ts'

const STATUS: Readonly<Record<Verification['status'], string>> = {
  passed: 'passed',
  suspect: 'suspect, which proves nothing',
  unverified: 'not verified',
  failed: 'failed',
}

const WHY: Readonly<Record<Unrated, string>> = {
  request: 'what was asked for cannot be rated',
  'own-provider': 'your own provider answered',
  'no-token-ids': 'its engine does not tell its tokens',
  'no-scorer': 'nobody else has the same weights and may see it',
  'no-answer': 'those that were asked did not rate it',
  'too-short': 'it is too short',
  unsettled: 'those that rated it do not agree',
}

/** How an answer was checked: the verdict and what it cost; then who wrote what, who rated it, and what they found. */
export function verdictWords({ status, why, parts }: Verification): readonly string[] {
  const tokens = parts.reduce((sum, part) => sum + part.tokens, 0)
  const reason = why === undefined ? '' : `: ${WHY[why]}`
  const cost = tokens === 0 ? '' : `; ${tokens} tokens read for it`
  return [`${STATUS[status]}${reason}${cost}`, ...parts.flatMap((part) => partWords(part) ?? [])]
}

function partWords(part: AuditReport): string | undefined {
  const { peerId, by, positions, misses, hardMisses, finding } = part
  const who = shortId(peerId)
  if (finding !== undefined) return `${who}: ${plainLine(finding)}`
  if (by.length === 0) return undefined
  const raters = by.map((peer) => (peer === 'self' ? 'your own engine' : shortId(peer)))
  const found = `${misses} not its first choice, ${hardMisses} impossible`
  return `${who}: ${positions} tokens, ${found}, by ${raters.join(' and ')}`
}
