import type { Capability } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import { asRecord } from '../http/index.ts'
import {
  chats,
  embeds,
  hasToolParser,
  sees,
  type TrialSubject,
  takesTools,
} from './capability-trial.ts'
import { once, type Subject } from './catalog-subject.ts'
import { FLAVORS } from './flavor.ts'
import { studioModel } from './lm-studio.ts'

/** Capabilities stated by the operator, else reported by the engine, else proven by a trial. */
export async function capabilitiesOf(
  subject: Subject,
  options: AbortOptions,
): Promise<Capability[]> {
  const { exactCapabilities, extraCapabilities } = subject
  if (exactCapabilities !== undefined) return [...new Set(exactCapabilities)]
  const reported = reportedCapabilities(subject)
  if (!FLAVORS[subject.identity.flavor].mayTry)
    return [...new Set([...reported, ...extraCapabilities])]
  const found = new Set<Capability>()
  const tried = { http: subject.root, model: subject.name, ...options }
  if (await once(subject, 'embedding', () => embeds(tried))) found.add('embedding')
  // A server that does not embed is assumed to chat; one that does, or may, is tested with a chat.
  const isTried = found.has('embedding') || subject.identity.flavor === 'llama-server'
  const isChat = !isTried || ((await once(subject, 'chat', () => chats(tried))) ?? true)
  if (isChat) for (const capability of reported) found.add(capability)
  const { asked } = FLAVORS[subject.identity.flavor]
  const mayHaveTools = isChat && !found.has('tools') && asked.includes('tools')
  if (mayHaveTools && (await provesTools(subject, tried))) found.add('tools')
  if (isChat && isUntold(subject) && (await once(subject, 'vision', () => sees(tried)))) {
    found.add('vision')
  }
  for (const capability of extraCapabilities) found.add(capability)
  return [...found]
}

/** Whether only a trial shows that it sees. */
function isUntold({ identity: { flavor } }: Subject): boolean {
  return flavor === 'vllm' || flavor === 'sglang'
}

async function provesTools(subject: Subject, tried: TrialSubject): Promise<boolean> {
  switch (subject.identity.flavor) {
    case 'vllm':
      return (await once(subject, 'tools', () => takesTools(tried))) ?? false
    case 'sglang':
      return (await once(subject, 'tools', () => hasToolParser(tried))) ?? false
    // The others report it, or are assumed to have it.
    case 'llama-server':
    case 'lm-studio':
    case 'generic':
    case 'openai':
      return false
    default:
      return subject.identity.flavor satisfies never
  }
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
