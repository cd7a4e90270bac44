/** An engine that others wrote. */
export interface EngineChoice {
  /** The URL of a running engine, or a program to start. @default the embedded engine */
  readonly engine?: string | undefined
  /** What the program is: `llama-server`, `ollama` or `vllm`. */
  readonly flavour?: string | undefined
  /** Shapes of answers to ask for. @default all */
  readonly shapes?: readonly string[] | undefined
}
