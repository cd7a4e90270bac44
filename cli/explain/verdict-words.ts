import type { AuditReport, Unrated, Verification } from '../../client/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { shortId } from './short-id.ts'

const STATUS: Readonly<Record<Verification['status'], string>> = {
  passed: 'passed',
  suspect: 'suspect, not proven',
  unverified: 'not verified',
  failed: 'failed',
}

const WHY: Readonly<Record<Unrated, string>> = {
  request: 'what was asked for cannot be rated',
  'own-provider': 'your own provider answered',
  'no-token-ids': 'its engine does not report token ids',
  'no-scorer': 'no other peer has the same weights and may see it',
  'no-answer': 'the peers that were asked did not rate it',
  'too-short': 'it is too short',
  unsettled: 'the peers that rated it do not agree',
}

/** The verification of an answer: verdict and cost, then for each part its author, its raters and their findings. */
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
