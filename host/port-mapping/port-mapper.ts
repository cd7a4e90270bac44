import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { backoffMs, type Clock, EQUAL_JITTER, openScope, pause } from '../../timing/index.ts'
import { scopeOfIp } from '../address-scope.ts'
import { PORT_MAPPING } from './limits.ts'
import type { Inner, MadeMapping, MappingMethod } from './methods.ts'

/** Whether a router forwards a port to this host on request. */
export type PortMapping =
  /** `--no-upnp`, or the host does not serve. */
  | { readonly status: 'off' }
  /** The host has a public address, or sees nothing of the Internet. */
  | { readonly status: 'not needed' }
  | { readonly status: 'searching' }
  /** `address` is announced once a peer has dialled it back. */
  | {
      readonly status: 'mapped'
      readonly address: string
      readonly method: MappingMethod['name']
    }
  | { readonly status: 'none'; readonly why: string }

export interface PortMapperInit {
  readonly methods: readonly MappingMethod[]
  /** The TCP port to forward, or why there is no need: `undefined`. */
  readonly inner: () => Inner | undefined
  /** Called when `addresses` changed. */
  readonly onChange: () => void
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  readonly signal: AbortSignal
  readonly log: (text: string) => void
}

interface Current extends MadeMapping {
  readonly method: MappingMethod['name']
  readonly inner: Inner
  readonly renewAtMs: number
}

/** Keeps one TCP port forwarded by the router while the host needs it. */
export class PortMapper {
  readonly #init: PortMapperInit
  readonly #firstRound: Promise<void>
  #current: Current | undefined
  #state: PortMapping = { status: 'not needed' }
  #failures = 0
  #retryAtMs = 0

  constructor(init: PortMapperInit) {
    this.#init = init
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#firstRound = promise
    void this.#run(resolve)
  }

  get state(): PortMapping {
    return this.#state
  }

  /** Addresses that the router says it forwards. None was tested. */
  get addresses(): readonly Multiaddr[] {
    const outer = this.#current?.outer
    return outer === undefined ? [] : [multiaddr(`/ip4/${outer.ip}/tcp/${outer.port}`)]
  }

  /** Resolves once a needed mapping was made or refused, or the signal fires. */
  async settled(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#firstRound, aborted(signal)])
  }

  /** Asks the router to remove the mapping. */
  async close(): Promise<void> {
    const mapping = this.#current
    this.#current = undefined
    if (mapping === undefined) return
    using scope = openScope({ timeoutMs: PORT_MAPPING.unmapTimeoutMs })
    await Promise.race([mapping.unmap(scope.signal).catch(() => undefined), aborted(scope.signal)])
  }

  async #run(onFirst: () => void): Promise<void> {
    const { clock, signal } = this.#init
    while (!signal.aborted) {
      const inner = this.#init.inner()
      if (inner === undefined) this.#drop()
      else if (this.#isDue(inner)) {
        await this.#round(inner)
        onFirst()
      }
      await pause(PORT_MAPPING.checkMs, { signal, clock })
    }
    onFirst()
  }

  #isDue({ ip, port }: Inner): boolean {
    const nowMs = this.#init.clock.now()
    const current = this.#current
    if (current === undefined) return nowMs >= this.#retryAtMs
    return nowMs >= current.renewAtMs || current.inner.ip !== ip || current.inner.port !== port
  }

  #drop(): void {
    this.#state = { status: 'not needed' }
    this.#failures = 0
    this.#retryAtMs = 0
    this.#set(undefined)
  }

  async #round(inner: Inner): Promise<void> {
    const { methods, clock, random, signal, log } = this.#init
    if (this.#current === undefined) this.#state = { status: 'searching' }
    const whys: string[] = []
    for (const method of methods) {
      using scope = openScope({ timeoutMs: PORT_MAPPING.timeoutMs, clock }, { owner: signal })
      try {
        const made = await Promise.race([
          method.map(inner, scope.signal),
          aborted(scope.signal).then(() => Promise.reject(new Error('no router answered'))),
        ])
        if (signal.aborted) return
        const { ip, port } = made.outer
        if (scopeOfIp(ip) !== 'public')
          throw new Error(
            `the router's own address, ${ip}, is not public: another router is in front`,
          )
        const renewAtMs = clock.now() + (PORT_MAPPING.lifetimeSeconds * 1_000) / 2
        this.#failures = 0
        this.#state = {
          status: 'mapped',
          address: `/ip4/${ip}/tcp/${port}`,
          method: method.name,
        }
        this.#set({ ...made, method: method.name, inner, renewAtMs })
        return
      } catch (error) {
        whys.push(`${method.name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    if (signal.aborted) return
    log(`no port mapping: ${whys.join('; ')}`)
    this.#state = { status: 'none', why: whys.join('; ') }
    this.#retryAtMs =
      clock.now() +
      backoffMs(this.#failures, { ...PORT_MAPPING.retry, jitter: EQUAL_JITTER }, random())
    this.#failures += 1
    this.#set(undefined)
  }

  #set(next: Current | undefined): void {
    const before = this.addresses.join()
    this.#current = next
    if (this.addresses.join() !== before) this.#init.onChange()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
