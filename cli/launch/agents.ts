/** A gateway and the model that an agent is to use. */
export interface AgentTarget {
  /** Without `/v1`. */
  readonly url: string
  readonly model: string
  /** API key of the gateway; any text if it has none. */
  readonly key: string
}

/** How one agent is started. */
export interface LaunchPlan {
  readonly command: string
  readonly args: readonly string[]
  /** Added to the agent's environment. */
  readonly env: Readonly<Record<string, string>>
  /** How to install it. */
  readonly install: string
}

/** Agents by name: each takes its gateway from the environment or the command line, so that no file is written. */
export const AGENTS: Readonly<Record<string, (target: AgentTarget) => LaunchPlan>> = {
  claude: ({ url, model, key }) => ({
    command: 'claude',
    args: [],
    env: {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_AUTH_TOKEN: key,
      ANTHROPIC_MODEL: model,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    },
    install: 'npm install -g @anthropic-ai/claude-code',
  }),
  codex: ({ url, model, key }) => ({
    command: 'codex',
    args: [
      ...['-m', model, '-c', 'model_provider="skein"'],
      '-c',
      `model_providers.skein={name="Skein",base_url=${JSON.stringify(`${url}/v1`)},wire_api="responses",env_key="SKEIN_API_KEY"}`,
    ],
    env: { SKEIN_API_KEY: key },
    install: 'npm install -g @openai/codex',
  }),
  opencode: ({ url, model, key }) => ({
    command: 'opencode',
    args: ['--model', `skein/${model}`],
    env: {
      OPENCODE_CONFIG_CONTENT: JSON.stringify({
        provider: {
          skein: {
            npm: '@ai-sdk/openai-compatible',
            name: 'Skein',
            options: { baseURL: `${url}/v1`, apiKey: '{env:SKEIN_API_KEY}' },
            models: { [model]: { name: model } },
          },
        },
      }),
      SKEIN_API_KEY: key,
    },
    install: 'npm install -g opencode-ai',
  }),
  aider: ({ url, model, key }) => ({
    command: 'aider',
    args: ['--model', `openai/${model}`],
    env: { OPENAI_API_BASE: `${url}/v1`, OPENAI_API_KEY: key },
    install: 'python -m pip install aider-chat',
  }),
}
