import type { Capability } from '../../protocol/index.ts'
import { asRecord, patientHttp } from '../http/index.ts'
import {
  chats,
  embeds,
  hasToolParser,
  sees,
  type TrialOutcome,
  type TrialSubject,
  takesTools,
} from './capability-trial.ts'
import { type Subject, verdictOn } from './catalog-subject.ts'
import { FLAVORS, type Flavor } from './flavor.ts'
import { studioModel } from './lm-studio.ts'

export interface FoundCapabilities {
  readonly capabilities: readonly Capability[]
  /** Whether it is known to chat, rather than assumed to until a trial ends. */
  readonly isChat: boolean
}

/** Capabilities stated by the operator, else reported by the engine, else proved by the trials so far. */
export function capabilitiesOf(subject: Subject): FoundCapabilities {
  const { exactCapabilities, extraCapabilities } = subject
  const reported = reportedCapabilities(subject)
  const stated =
    exactCapabilities ??
    (FLAVORS[subject.identity.flavor].mayTry ? undefined : [...reported, ...extraCapabilities])
  if (stated !== undefined) {
    return { capabilities: [...new Set(stated)], isChat: stated.includes('chat') }
  }
  const found = new Set<Capability>()
  const proves = (question: Capability, trial: (tried: TrialSubject) => Promise<TrialOutcome>) =>
    verdictOn(subject, question, ({ signal }) =>
      trial({ http: patientHttp(subject.root), model: subject.name, signal }),
    )
  const isEmbedding = proves('embedding', embeds)
  if (isEmbedding === true) found.add('embedding')
  // A server that does not embed is assumed to chat; one that does, or may, is tested with a chat.
  const isTried = isEmbedding === true || subject.identity.flavor === 'llama-server'
  const chat = isTried ? proves('chat', chats) : true
  if (chat ?? isEmbedding !== true) for (const capability of reported) found.add(capability)
  if (chat === true) {
    const toolTrial = found.has('tools') ? undefined : TOOL_TRIALS[subject.identity.flavor]
    if (toolTrial !== undefined && proves('tools', toolTrial) === true) found.add('tools')
    if (isUntold(subject) && proves('vision', sees) === true) found.add('vision')
  }
  for (const capability of extraCapabilities) found.add(capability)
  return { capabilities: [...found], isChat: chat === true }
}

/** Of engines that do not report whether they take tools, and are not assumed to. */
const TOOL_TRIALS: Readonly<
  Partial<Record<Flavor, (tried: TrialSubject) => Promise<TrialOutcome>>>
> = { vllm: takesTools, sglang: hasToolParser }

/** Whether only a trial shows that it sees. */
function isUntold({ identity: { flavor } }: Subject): boolean {
  return flavor === 'vllm' || flavor === 'sglang'
}

/** Capabilities of the kind of engine, with those that this one reports for the model. */
function reportedCapabilities({ identity, name }: Subject): readonly Capability[] {
  const { flavor, details } = identity
  const { capabilities } = FLAVORS[flavor]
  switch (flavor) {
    case 'llama-server': {
      const { chat_template_caps: templateCaps, modalities } = details
      const { supports_tools: tools } = asRecord(templateCaps)
      const { vision } = asRecord(modalities)
      return [
        ...capabilities,
        ...(tools === true ? (['tools'] as const) : []),
        ...(vision === true ? (['vision'] as const) : []),
      ]
    }
    case 'lm-studio': {
      const { type, capabilities: reported } = studioModel(details, name) ?? {}
      if (type === 'embedding' || type === 'embeddings') return ['embedding']
      const { vision } = asRecord(reported)
      return vision === true ? [...capabilities, 'vision'] : capabilities
    }
    // Neither asked nor tried, because it may be a paid API. Only the name is known.
    case 'generic':
      return /embed/i.test(name) ? ['embedding'] : capabilities
    case 'vllm':
    case 'sglang':
    case 'openai':
      return capabilities
    default:
      return flavor satisfies never
  }
}
