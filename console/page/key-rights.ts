import type { KeyView, RightsChange } from '../state.ts'
import { STRINGS } from './strings.ts'

const TEXT = STRINGS.keys
const DAY_MS = 86_400_000

/** Limits by count, in the order of the form. */
export const LIMITS = [
  'requestsPerMinute',
  'tokensPerMinute',
  'requestsPerDay',
  'tokensPerDay',
] as const

/** The rights of a key as text fields; empty: not restricted. */
export type RightsDraft = Readonly<
  Record<(typeof LIMITS)[number] | 'budget' | 'models' | 'validDays', string>
> & {
  readonly per: 'day' | 'ever' | 'month'
  readonly priority: 'high' | 'low' | 'normal'
}

export const UNRESTRICTED: RightsDraft = {
  models: '',
  requestsPerMinute: '',
  tokensPerMinute: '',
  requestsPerDay: '',
  tokensPerDay: '',
  budget: '',
  per: 'month',
  priority: 'normal',
  validDays: '',
}

export function draftOf(key: KeyView, nowMs: number): RightsDraft {
  const { models, budget, priority, expiresAtMs } = key
  const limits = LIMITS.map((limit) => [limit, String(key[limit] ?? '')])
  return {
    ...UNRESTRICTED,
    ...(Object.fromEntries(limits) as Partial<RightsDraft>),
    models: models?.join(', ') ?? '',
    budget: String(budget?.tokens ?? ''),
    per: budget?.per ?? UNRESTRICTED.per,
    priority: priority ?? UNRESTRICTED.priority,
    validDays: expiresAtMs === undefined ? '' : String(daysUntil(expiresAtMs, nowMs)),
  }
}

/** What a form asks for. An end that its field still shows is not moved. */
export function changeOf(
  draft: RightsDraft,
  key: KeyView | undefined,
  nowMs: number,
): RightsChange {
  const models = draft.models.split(',').flatMap((name) => name.trim() || [])
  const before = key === undefined ? UNRESTRICTED : draftOf(key, nowMs)
  const days = numberOf(draft.validDays)
  return {
    ...Object.fromEntries(LIMITS.map((limit) => [limit, numberOf(draft[limit])])),
    models: models.length === 0 ? null : models,
    budget: draft.budget === '' ? null : { tokens: Number(draft.budget), per: draft.per },
    priority: draft.priority === 'normal' ? null : draft.priority,
    ...(draft.validDays !== before.validDays && {
      expiresAtMs: days === null ? null : nowMs + days * DAY_MS,
    }),
  }
}

export function isExpired(
  { expiresAtMs = Number.POSITIVE_INFINITY }: KeyView,
  nowMs: number,
): boolean {
  return expiresAtMs <= nowMs
}

/** The rights in one sentence. */
export function rightsText(key: KeyView): string {
  const { rights } = TEXT
  const { models, onlyMetrics, peers, providers, budget, expiresAtMs } = key
  const parts = [
    onlyMetrics === true ? rights.onlyMetrics : undefined,
    models && rights.models(models.join(', ')),
    peers && rights.peers(peers.length),
    providers && rights.providers(providers.join(', ')),
    ...LIMITS.map((limit) => {
      const count = key[limit]
      return count === undefined ? undefined : rights[limit](NUMBER.format(count))
    }),
    budget && rights.budget(NUMBER.format(budget.tokens), TEXT.pers[budget.per]),
    expiresAtMs === undefined ? undefined : rights.expires(DATE.format(expiresAtMs)),
  ].filter((part) => part !== undefined)
  if (parts.length === 0) return TEXT.everything
  const text = parts.join(' · ')
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}

const NUMBER = new Intl.NumberFormat('en-GB')
const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' })

/** `null` for an empty field. */
function numberOf(text: string): number | null {
  return text === '' ? null : Number(text)
}

function daysUntil(ms: number, nowMs: number): number {
  return Math.max(0, Math.ceil((ms - nowMs) / DAY_MS))
}
