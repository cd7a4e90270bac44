import type { Scope } from '../../timing/index.ts'
import { soleAnswer } from '../dispatch/index.ts'
import type { AnswerEvent } from '../request/index.ts'
import type { ChainJob } from './chain-job.ts'
import type { Provider } from './provider.ts'
import { createProviderAttempt } from './provider-attempt.ts'

/** One answer of a provider; the chain decides what follows a failure. */
export function providerAnswer(
  job: ChainJob & { readonly provider: Provider },
  scope: Scope,
): AsyncGenerator<AnswerEvent, void, void> {
  const { provider, request, wire, hops, journal, toolCalls, estimatedPromptTokens } = job
  const { ttftTimeoutMs, ttftPerTokenMs } = job.limits
  const limits = {
    ...job.limits,
    ttftTimeoutMs: ttftTimeoutMs + ttftPerTokenMs * estimatedPromptTokens,
  }
  const attempt = createProviderAttempt({ provider, request, hops, clock: journal.clock })
  return soleAnswer(
    {
      ...{ peerId: `provider:${provider.name}`, request, resume: job.resume },
      ...{ journal, toolCalls, estimatedPromptTokens, delivered: job.delivered },
      continues: (forms) => provider.continues(request.body.model, forms),
      attempt: ({ resume, ...options }) =>
        attempt(
          {
            request: wire,
            limits,
            remainingMs: () => scope.remainingMs(),
            ...(resume !== undefined && { resume }),
          },
          options,
        ),
      failure: provider.failure,
    },
    scope,
  )
}
