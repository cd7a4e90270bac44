import type { RequestEvent } from '../../client/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { durationText } from './duration.ts'
import { verdictWords } from './verdict-words.ts'
/** The summary below a request's timeline. Empty lines are omitted. */
export function summary(event: RequestEvent): string[] {
  const rows: readonly (readonly [name: string, value: string | undefined])[] = [
    ['model', answererOf(event)],
    ['policy', `${event.policy}, resume ${event.resume}`],
    ['time', timeOf(event)],
    ['resumes', resumesOf(event)],
    ['relayed', relayedOf(event)],
    ['usage', usageOf(event)],
    ['extra', extraOf(event)],
    ['agreement', agreementOf(event)],
    ...verificationOf(event),
  ]
  return rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(9)}  ${value}`],
  )
}

/** The model that answered, for a chain or an alias. */
function answererOf({ model, answeredBy }: RequestEvent): string | undefined {
  return answeredBy === undefined || answeredBy === model ? undefined : plainLine(answeredBy)
}

function timeOf({ durationMs, ttftMs }: RequestEvent): string {
  const first = ttftMs === undefined ? 'no output' : `first piece after ${durationText(ttftMs)}`
  return `${durationText(durationMs)}, ${first}`
}

function resumesOf({ resumes, exact }: RequestEvent): string {
  return `${resumes}, ${exact ? 'exact' : 'not exact: by other weights, or after text that was tokenized anew'}`
}

/** Omitted if all peers were reached directly. */
function relayedOf({ attempts }: RequestEvent): string | undefined {
  const bytes = attempts.reduce((sum, { relayedBytes = 0 }) => sum + relayedBytes, 0)
  const relays = new Set(attempts.flatMap(({ relay }) => relay ?? []))
  return relays.size === 0 ? undefined : `${bytes} bytes through ${counted(relays.size, 'relay')}`
}

function usageOf({ usage, kind }: RequestEvent): string | undefined {
  if (usage === undefined) return undefined
  const { promptTokens, cachedPromptTokens, completionTokens } = usage
  const prompt = `${promptTokens} prompt tokens (${cachedPromptTokens} reused)`
  return kind === 'embedding' ? prompt : `${prompt}, ${completionTokens} completion tokens`
}

function extraOf({ cost }: RequestEvent): string {
  const { attempts, promptTokens, completionTokens, estimated } = cost
  if (attempts === 0 && promptTokens === 0 && completionTokens === 0) return 'nothing'
  const about = estimated ? '≈ ' : ''
  return `${counted(attempts, 'attempt')}, ${about}${promptTokens} prompt and ${about}${completionTokens} completion tokens`
}

function agreementOf({ agreement }: RequestEvent): string | undefined {
  if (agreement === undefined) return undefined
  const { agreeing, answers, tolerated } = agreement
  const near = tolerated ? ', some but for tokens that were nearly tied' : ''
  return `${agreeing} of ${counted(answers, 'answer')}${near}`
}

function verificationOf({ verification }: RequestEvent): (readonly [string, string])[] {
  if (verification === undefined) return []
  return verdictWords(verification).map((words, index) => [index === 0 ? 'verified' : '', words])
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
