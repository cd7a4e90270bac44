/** The environment variables that Skein reads. Others are passed to the processes it starts. */
export interface Environment {
  /** Where identities and known peers are kept. @default ~/.local/share */
  readonly XDG_DATA_HOME?: string | undefined
  /** Where downloaded models are kept. @default ~/.cache */
  readonly XDG_CACHE_HOME?: string | undefined
  /** Bootstrap peers, separated by commas or spaces. `--bootstrap` overrides it. */
  readonly SKEIN_BOOTSTRAP?: string | undefined
  /** Addresses to announce, separated by commas or spaces. `--announce` overrides it. */
  readonly SKEIN_ANNOUNCE?: string | undefined
  /** Invite to a private swarm. `--invite` overrides it. */
  readonly SKEIN_INVITE?: string | undefined
  /** `0`: do not look for peers on the local network. */
  readonly SKEIN_MDNS?: string | undefined
  /** Key of the engine that `--backend URL` names. Never sent to a peer. */
  readonly SKEIN_BACKEND_API_KEY?: string | undefined
  /** Where `--model hf:…` points. @default https://huggingface.co */
  readonly HF_ENDPOINT?: string | undefined
  /** Disables colours if set. */
  readonly NO_COLOR?: string | undefined
  readonly [name: string]: string | undefined
}
