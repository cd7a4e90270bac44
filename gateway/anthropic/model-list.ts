/** A model as Anthropic's API shows it. What is not known of a peer's model is null. */
export interface AnthropicModel {
  readonly type: 'model'
  readonly id: string
  readonly display_name: string
  /** RFC 3339. */
  readonly created_at: string
  readonly max_input_tokens: number | null
  readonly max_tokens: null
  readonly capabilities: null
  readonly line: null
  readonly lifecycle: 'active'
  readonly deprecated_at: null
  readonly retires_at: null
}

/** Always the only page. */
export interface AnthropicModelPage {
  readonly data: readonly AnthropicModel[]
  readonly first_id: string | null
  readonly last_id: string | null
  readonly has_more: false
}

/**
 * @param created Unix time in seconds
 * @param contextLength in tokens; undefined if it is not known
 */
export function anthropicModel(
  id: string,
  created: number,
  contextLength?: number,
): AnthropicModel {
  return {
    ...{ type: 'model', id, display_name: id },
    created_at: new Date(created * 1_000).toISOString(),
    max_input_tokens: contextLength ?? null,
    ...{ max_tokens: null, capabilities: null, line: null },
    ...{ lifecycle: 'active', deprecated_at: null, retires_at: null },
  }
}

export function anthropicModelPage(data: readonly AnthropicModel[]): AnthropicModelPage {
  const [first, last] = [data.at(0), data.at(-1)]
  return { data, first_id: first?.id ?? null, last_id: last?.id ?? null, has_more: false }
}
