import { join } from 'node:path'
import { AGENTS, type AgentTarget, type LaunchPlan } from '../../cli/launch/index.ts'

/** A session of an agent, as a command. */
export interface Session {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Written into its home before it starts. */
  readonly files?: Readonly<Record<string, string>>
}

export interface SessionInit {
  readonly target: AgentTarget
  readonly task: string
  readonly folder: string
}

/** An agent, and where it comes from: a registry, or else this repository's own packages. */
export interface TriedAgent {
  readonly name: string
  readonly npm?: string
  readonly pip?: readonly string[]
  /** It calls no tools, but writes its edits as text: a session has one turn. */
  readonly isToolless?: true
  session(init: SessionInit): Session
}

/** As `skein launch` starts it, with a task in place of a conversation. */
function launched(
  name: string,
  argsOf: (init: SessionInit, args: readonly string[]) => readonly string[],
): TriedAgent['session'] {
  return (init) => {
    const plan = AGENTS[name] as (target: AgentTarget) => LaunchPlan
    const { command, args, env } = plan(init.target)
    return { command, env, args: argsOf(init, args) }
  }
}

/** A script in this folder. */
function scripted(name: string): TriedAgent['session'] {
  const file = join(import.meta.dirname, 'python', `${name}_session.py`)
  return ({ target, task }) => ({
    command: 'python',
    args: [file],
    env: { SKEIN_URL: target.url, SKEIN_TASK: task },
  })
}

/** Agents that install from npm or pip, and the AI SDK. */
export const TRIED: readonly TriedAgent[] = [
  {
    name: 'Claude Code',
    npm: '@anthropic-ai/claude-code',
    session: launched('claude', ({ task }, args) => [
      ...[...args, '-p', task, '--allowedTools', 'Read,Edit,Bash'],
    ]),
  },
  {
    name: 'Codex',
    npm: '@openai/codex',
    session: launched('codex', ({ task }, args) => [
      ...['exec', ...args, '--skip-git-repo-check'],
      ...['--dangerously-bypass-approvals-and-sandbox', task],
    ]),
  },
  {
    name: 'Codex oss',
    npm: '@openai/codex',
    session: ({ target: { url, model }, task }) => ({
      command: 'codex',
      args: [
        ...['exec', '--oss', '--local-provider', 'ollama', '-m', model, '--skip-git-repo-check'],
        ...['--dangerously-bypass-approvals-and-sandbox', task],
      ],
      env: { CODEX_OSS_BASE_URL: `${url}/v1` },
    }),
  },
  {
    name: 'opencode',
    npm: 'opencode-ai',
    session: launched('opencode', ({ task }, args) => ['run', ...args, task]),
  },
  {
    name: 'qwen-code',
    npm: '@qwen-code/qwen-code',
    session: ({ target: { url, key, model }, task }) => ({
      command: 'qwen',
      args: ['--yolo', '--auth-type', 'openai', '-p', task],
      env: { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: key, OPENAI_MODEL: model },
    }),
  },
  {
    name: 'Continue',
    npm: '@continuedev/cli',
    session: ({ target: { url, key, model }, task }) => ({
      command: 'cn',
      args: ['-p', task, '--auto', '--config', '../home/continue.yaml'],
      env: {},
      files: {
        'continue.yaml': [
          ...['name: Skein', 'version: 1.0.0', 'schema: v1', 'models:', '  - name: Skein'],
          ...['    provider: openai', `    model: ${model}`, `    apiBase: ${url}/v1`],
          ...[`    apiKey: ${key}`, '    capabilities: [tool_use]', ''],
        ].join('\n'),
      },
    }),
  },
  {
    name: 'aider',
    pip: ['aider-chat'],
    isToolless: true,
    session: launched('aider', ({ task, folder }, args) => [
      ...[...args, '--message', task, '--yes-always', '--no-git', '--no-check-update'],
      ...['--no-show-model-warnings', '--no-analytics', '--auto-test'],
      ...['--test-cmd', `node ${join(folder, 'test.cjs')}`, join(folder, 'sum.cjs')],
    ]),
  },
  {
    name: 'llm',
    pip: ['llm'],
    session: ({ target, task }) => ({
      command: 'llm',
      args: [
        ...['prompt', task, '-m', 'skein', '--no-log', '--chain-limit', '10'],
        ...['--functions', join(import.meta.dirname, 'python', 'shared_tools.py')],
      ],
      env: { SKEIN_URL: target.url, SKEIN_TASK: task },
      files: {
        'extra-openai-models.yaml': [
          '- model_id: skein',
          `  model_name: ${target.model}`,
          `  api_base: ${target.url}/v1`,
          '  supports_tools: true',
          '',
        ].join('\n'),
      },
    }),
  },
  {
    name: 'AI SDK',
    session: ({ target, task }) => ({
      command: 'node',
      args: [join(import.meta.dirname, 'ai-sdk-session.ts')],
      env: { SKEIN_URL: target.url, SKEIN_TASK: task },
    }),
  },
  { name: 'LangChain', pip: ['langchain-openai'], session: scripted('langchain') },
  { name: 'pydantic-ai', pip: ['pydantic-ai-slim[openai]'], session: scripted('pydantic_ai') },
  { name: 'openai-agents', pip: ['openai-agents'], session: scripted('openai_agents') },
  { name: 'litellm', pip: ['litellm'], session: scripted('litellm') },
]
