/** What a node does for a request before its first token. */
export type Progress =
  | {
      readonly phase: 'queued'
      /** Requests ahead in the queue. */
      readonly ahead: number
    }
  | {
      /** The engine loads the model. */
      readonly phase: 'loading'
      /** From 0 to 1, if the engine reports it. */
      readonly share?: number
    }
  | {
      readonly phase: 'prefill'
      /** Prompt tokens in the KV cache, of `of`. */
      readonly tokens: number
      readonly of: number
    }
  /** The engine has the request and reports no progress. */
  | { readonly phase: 'working' }
