import type { Scope } from '../../timing/index.ts'
import { soleAnswer } from '../dispatch/index.ts'
import type { AnswerEvent } from '../request/index.ts'
import type { ChainJob } from './chain-job.ts'
import type { Provider } from './provider.ts'
import { createProviderAttempt } from './provider-attempt.ts'

/** One answer by a provider, which is asked once: a chain says what comes after it. */
export function providerAnswer(
  job: ChainJob & { readonly provider: Provider },
  scope: Scope,
): AsyncGenerator<AnswerEvent, void, void> {
  const { provider, request, wire, hops, journal, estimatedPromptTokens } = job
  const { ttftTimeoutMs, ttftPerTokenMs } = job.limits
  const limits = {
    ...job.limits,
    ttftTimeoutMs: ttftTimeoutMs + ttftPerTokenMs * estimatedPromptTokens,
  }
  const attempt = createProviderAttempt({ provider, request, hops, clock: journal.clock })
  return soleAnswer(
    {
      peerId: `provider:${provider.name}`,
      limits,
      journal,
      estimatedPromptTokens,
      attempt: (options) =>
        attempt({ request: wire, limits, remainingMs: () => scope.remainingMs() }, options),
      failure: provider.failure,
    },
    scope,
  )
}
