/** A complete answer, reduced to what two peers can agree on. */
export interface ComparableAnswer {
  readonly kind: 'chat' | 'completion' | 'embedding'
  readonly text: string
  /** Arguments as the model wrote them. */
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[]
  readonly finishReason: string | null
  /** Ids of all completion tokens, or empty. */
  readonly tokenIds: readonly number[]
  /** ln p of the chosen token, for each token id, or empty. */
  readonly logprobs: readonly number[]
  /** ln p(likeliest) − ln p(second) for each token id, if the likeliest tokens were reported. */
  readonly margins?: readonly (number | undefined)[]
  /** One vector for each input, in the order of the inputs. */
  readonly embeddings: readonly (readonly number[])[]
}

/** `same`: equal in meaning. `tolerated`: a difference that rounding on another machine explains. */
export type Comparison = 'same' | 'tolerated' | 'different'
