/** A complete answer, reduced to what two peers can agree on. */
export interface ComparableAnswer {
  readonly kind: 'chat' | 'completion' | 'embedding'
  readonly text: string
  /** Arguments as the model wrote them. */
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[]
  readonly finishReason: string | null
  /** Of every completion token, or empty. */
  readonly tokenIds: readonly number[]
  /** ln p of the chosen token, for each token id, or empty. */
  readonly logprobs: readonly number[]
  /** ln p(likeliest) − ln p(second) for each token id, where the likeliest tokens were given. */
  readonly margins?: readonly (number | undefined)[]
  /** One vector for each input, in their order. */
  readonly embeddings: readonly (readonly number[])[]
}

/** `same`: means the same. `tolerated`: differs as rounding on another machine explains. */
export type Comparison = 'same' | 'tolerated' | 'different'
