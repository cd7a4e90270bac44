/**
 * The environment variables that Skein reads, besides one for each option (`SKEIN_MAX_QUEUE` is `--max-queue`, see
 * `cli/config/`). Others are passed to the processes it starts.
 */
export interface Environment {
  /** Home directory of the user, outside of Windows. @default as the system lists the user */
  readonly HOME?: string | undefined
  /** Where identities and known peers are kept. @default ~/.local/share */
  readonly XDG_DATA_HOME?: string | undefined
  /** Where downloaded models are kept. @default ~/.cache */
  readonly XDG_CACHE_HOME?: string | undefined
  /** Where the configuration file is looked for. @default ~/.config */
  readonly XDG_CONFIG_HOME?: string | undefined
  /** The configuration file. Empty: none. `--config` overrides it. */
  readonly SKEIN_CONFIG?: string | undefined
  /** Key of the engine that `--backend URL` names. Never sent to a peer. */
  readonly SKEIN_BACKEND_API_KEY?: string | undefined
  /** Where `--model hf:…` points. @default https://huggingface.co */
  readonly HF_ENDPOINT?: string | undefined
  /** Token of an account there, for models that need one. Sent to no other server. */
  readonly HF_TOKEN?: string | undefined
  /** Proxy for downloads of models, `http://host:port`. `NO_PROXY` lists exceptions. */
  readonly HTTPS_PROXY?: string | undefined
  readonly NO_PROXY?: string | undefined
  /** Disables colours if set. */
  readonly NO_COLOR?: string | undefined
  readonly [name: string]: string | undefined
}
