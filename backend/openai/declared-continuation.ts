import { ANSWER_PREFIX, type ResumeForm, resumeField } from '../../protocol/index.ts'

/**
 * How an API is asked to continue an answer. `final-message`: by a final assistant message alone; `prefix` and `partial`: by
 * that message with this field set to true; `none`: it does not continue answers.
 */
export type ContinueBy = 'final-message' | 'prefix' | 'partial' | 'none'

/** All ways in which an API may be asked to continue an answer. */
export const CONTINUE_BY: readonly ContinueBy[] = ['final-message', 'prefix', 'partial', 'none']

/** Forms of an answer that APIs are asked to continue. None documents it of structured output, or of reasoning. */
export const DECLARED_FORMS: readonly ResumeForm[] = ['tools']

/** Fields of a model whose API continues answers. */
export const CONTINUED_FIELDS: readonly string[] = [
  ANSWER_PREFIX,
  ...DECLARED_FORMS.map((form) => resumeField(form, 'text')),
]

/** What an API's documentation says of continuing an answer. */
export interface DeclaredContinuation {
  readonly by: Exclude<ContinueBy, 'none'>
  /** Its answer begins with the text that it continues. */
  readonly repeats: boolean
}

interface Declaration {
  /** For people. */
  readonly title: string
  readonly hosts: readonly string[]
  /** Where the paths of the API that continues answers begin. @default any */
  readonly path?: string
  readonly by: DeclaredContinuation['by']
  /** @default false */
  readonly repeats?: boolean
  /** Models that it holds for. @default all */
  readonly models?: RegExp
}

/** Claude 4.6 and later refuse a final assistant message. */
const CLAUDE = String.raw`claude-(?:3|(?:opus|sonnet|haiku)-4(?:[.-][015])?(?:-latest|-\d{8})?(?::|$))`

/** APIs whose documentation describes it. Others may continue answers as well, but are not assumed to. */
export const DECLARED_CONTINUATIONS: readonly Declaration[] = [
  // https://docs.anthropic.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response
  {
    title: 'Anthropic (Claude 3 to 4.5)',
    hosts: ['api.anthropic.com'],
    by: 'final-message',
    models: new RegExp(`^${CLAUDE}`),
  },
  // https://api-docs.deepseek.com/guides/chat_prefix_completion
  {
    title: 'DeepSeek, with the base URL `https://api.deepseek.com/beta`',
    hosts: ['api.deepseek.com'],
    path: '/beta',
    by: 'prefix',
  },
  // https://docs.mistral.ai/api (`prefix` of an assistant message)
  { title: 'Mistral', hosts: ['api.mistral.ai'], by: 'prefix', repeats: true },
  // https://platform.moonshot.ai/docs/guide/use-partial-mode-feature-of-kimi-api
  {
    title: 'Moonshot',
    hosts: ['api.moonshot.ai', 'api.moonshot.cn'],
    by: 'partial',
  },
  // https://www.alibabacloud.com/help/en/model-studio/partial-mode
  {
    title: 'Alibaba Model Studio (Qwen)',
    hosts: ['dashscope.aliyuncs.com', 'dashscope-intl.aliyuncs.com', 'dashscope-us.aliyuncs.com'],
    path: '/compatible-mode',
    by: 'partial',
    models: /^qwen/,
  },
  // https://openrouter.ai/docs/api-reference/overview#assistant-prefill, for models whose makers document it.
  {
    title: 'OpenRouter, models of these makers',
    hosts: ['openrouter.ai'],
    by: 'final-message',
    models: new RegExp(`^(?:anthropic/${CLAUDE}|(?:deepseek|mistralai|moonshotai|qwen)/)`),
  },
]

/**
 * How the API at a URL continues an answer of a model.
 *
 * @param stated what its owner says. @default as its documentation says
 * @returns undefined if it is not known to
 */
export function declaredContinuation(
  baseUrl: string,
  model: string,
  stated?: ContinueBy,
): DeclaredContinuation | undefined {
  const found = declarationAt(baseUrl)
  if (stated === 'none') return undefined
  if (stated !== undefined) return { by: stated, repeats: found?.repeats ?? false }
  if (found === undefined || found.models?.test(model.toLowerCase()) === false) return undefined
  return { by: found.by, repeats: found.repeats ?? false }
}

function declarationAt(baseUrl: string): Declaration | undefined {
  const url = URL.parse(baseUrl)
  return DECLARED_CONTINUATIONS.find(
    ({ hosts, path = '' }) =>
      url !== null &&
      hosts.includes(url.hostname) &&
      (url.pathname === path || url.pathname.startsWith(`${path}/`)),
  )
}
