import { ANSWER_PREFIX, type Capability, TOKEN_INPUT } from '../../protocol/index.ts'

/** Engines that speak OpenAI's protocol, each with its dialect. */
export type Flavor = 'llama-server' | 'vllm' | 'sglang' | 'lm-studio' | 'generic' | 'openai'

/** What is known about a dialect without asking the engine. */
export interface FlavorTraits {
  /** For people. */
  readonly title: string
  readonly capabilities: readonly Capability[]
  /** Further capabilities that it may have, found out by asking it or by a trial. */
  readonly asked: readonly Capability[]
  /** Optional request fields that the engine takes, by our name, with the engine's. */
  readonly fields: Readonly<Record<string, string>>
  /** Concurrent requests if it does not report them. */
  readonly slots: number
  /** Whether a trial embedding may be asked for: engines on one's own machine, never a paid API. */
  readonly mayTry: boolean
  /** Whether it may continue an answer from its text, which a trial of a few tokens proves. */
  readonly mayContinue: boolean
  /** Whether its templates get the thoughts of earlier messages. Some APIs refuse the field. */
  readonly takesThoughts: boolean
  /** Whether the engine can keep the prefix caches of different clients apart (`cache_salt`). */
  readonly cacheSalt: boolean
  /** A path that it answers at once, whatever it works on. @default none: one that works cannot be told from a hung one */
  readonly alivePath?: string
}

const PENALTIES = {
  presence_penalty: 'presence_penalty',
  frequency_penalty: 'frequency_penalty',
  logit_bias: 'logit_bias',
}
const SAMPLING = { ...PENALTIES, top_k: 'top_k', min_p: 'min_p' }
const TOOLS = { tool_choice: 'tool_choice', parallel_tool_calls: 'parallel_tool_calls' }
/** Forms of the input: nothing is renamed. */
const TOKENS = { [TOKEN_INPUT]: TOKEN_INPUT }
const PREFIX = { [ANSWER_PREFIX]: ANSWER_PREFIX }

export const FLAVORS: Readonly<Record<Flavor, FlavorTraits>> = {
  'llama-server': {
    title: 'llama-server',
    capabilities: ['chat', 'completion', 'json_schema', 'logprobs'],
    asked: ['embedding', 'tools', 'vision', 'token_ids', 'score'],
    fields: { ...SAMPLING, ...TOOLS, ...TOKENS, ...PREFIX, repeat_penalty: 'repeat_penalty' },
    slots: 1,
    mayTry: true,
    mayContinue: true,
    takesThoughts: true,
    cacheSalt: false,
    alivePath: '/health',
  },
  vllm: {
    title: 'vLLM',
    capabilities: ['chat', 'completion', 'json_schema', 'logprobs'],
    asked: ['embedding', 'tools', 'vision', 'token_ids', 'score'],
    fields: { ...SAMPLING, ...TOOLS, ...TOKENS, ...PREFIX, repeat_penalty: 'repetition_penalty' },
    slots: 16,
    mayTry: true,
    mayContinue: true,
    takesThoughts: true,
    cacheSalt: true,
    alivePath: '/health',
  },
  sglang: {
    title: 'SGLang',
    capabilities: ['chat', 'completion', 'json_schema', 'logprobs'],
    asked: ['embedding', 'tools', 'vision'],
    fields: { ...SAMPLING, ...TOOLS, ...TOKENS, ...PREFIX, repeat_penalty: 'repetition_penalty' },
    slots: 16,
    mayTry: true,
    mayContinue: true,
    takesThoughts: true,
    cacheSalt: false,
  },
  'lm-studio': {
    title: 'LM Studio',
    capabilities: ['chat', 'completion', 'json_schema', 'tools'],
    asked: ['embedding', 'vision'],
    fields: { ...PENALTIES, top_k: 'top_k', repeat_penalty: 'repeat_penalty' },
    slots: 1,
    mayTry: false,
    mayContinue: true,
    takesThoughts: false,
    cacheSalt: false,
  },
  generic: {
    title: 'OpenAI-compatible API',
    capabilities: ['chat', 'tools'],
    asked: ['embedding'],
    fields: {
      presence_penalty: 'presence_penalty',
      frequency_penalty: 'frequency_penalty',
      ...TOOLS,
    },
    slots: 4,
    mayTry: false,
    mayContinue: false,
    takesThoughts: false,
    cacheSalt: false,
  },
  // What OpenAI's reference defines. Never detected: a caller states it for its own provider.
  openai: {
    title: 'OpenAI-compatible API',
    capabilities: ['chat', 'completion', 'embedding', 'tools', 'json_schema', 'logprobs', 'vision'],
    asked: [],
    fields: {
      ...PENALTIES,
      ...TOOLS,
      ...TOKENS,
      reasoning_effort: 'reasoning_effort',
      verbosity: 'verbosity',
      echo: 'echo',
      dimensions: 'dimensions',
    },
    slots: 4,
    mayTry: false,
    mayContinue: false,
    takesThoughts: false,
    cacheSalt: false,
  },
}
