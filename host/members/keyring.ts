import { equals } from 'uint8arrays/equals'
import { type Rotation, secretDigest } from '../../protocol/index.ts'

/** A pre-shared key of the swarm. */
export interface HeldKey {
  /** Of its rotation; 0 for the first key, and for that of an invite before its rotation is known. */
  readonly number: number
  /** 32 bytes. */
  readonly secret: Uint8Array
  /** By which rotations name it. */
  readonly digest: Uint8Array
  /** Milliseconds since 1970. Absent: until a rotation says so. */
  readonly acceptedUntilMs?: number
  /** From an invite, which proves nothing: no list has named it yet. Never the current key. */
  readonly provisional?: true
}

/** Keys that are kept: more than that many rotations within one overlap shut out who missed them. */
const MAX_KEYS = 8
/** Digests of replaced keys that are kept: the last ones. */
const MAX_RETIRED = 64

/** A key with its digest. @param secret 32 bytes */
export async function heldKey(
  secret: Uint8Array,
  of: Pick<HeldKey, 'acceptedUntilMs' | 'number'> = { number: 0 },
): Promise<HeldKey> {
  return { ...of, secret, digest: await secretDigest(secret) }
}

/**
 * The pre-shared keys that this machine has: the newest, and older ones until the deadlines of the rotations that replaced
 * them. Pure. Numbers only rise: an older rotation changes nothing, and a key that was replaced never comes back.
 */
export class Keyring {
  #keys: readonly HeldKey[]
  /** Digests of keys that were replaced and dropped. */
  #retired: readonly Uint8Array[]

  /** @param keys at least one that is not provisional */
  constructor(keys: readonly HeldKey[], retired: readonly Uint8Array[] = []) {
    this.#keys = ordered(keys)
    this.#retired = retired
  }

  /** The newest first, provisional ones last. */
  get keys(): readonly HeldKey[] {
    return this.#keys
  }

  get retired(): readonly Uint8Array[] {
    return this.#retired
  }

  get current(): HeldKey {
    const [current] = this.#keys
    if (current === undefined) throw new Error('unreachable: a keyring has a key')
    return current
  }

  /**
   * Secrets with which connections may be made: the newest first, the oldest last. Provisional ones are between them: the
   * first is hinted at, and the last is for peers that give no hint.
   */
  accepted(nowMs: number): readonly Uint8Array[] {
    const [current = this.current, ...others] = this.#accepted(nowMs)
    const provisional = others.filter((key) => key.provisional)
    const older = others.filter((key) => !key.provisional)
    if (provisional.length > 0 && older.length === 0) older.push(current)
    return [current, ...provisional, ...older].map(({ secret }) => secret)
  }

  #accepted(nowMs: number): readonly HeldKey[] {
    return this.#keys.filter(
      (key) => key === this.current || nowMs <= (key.acceptedUntilMs ?? Infinity),
    )
  }

  /** The highest number among those up to `latest`. */
  numberUpTo(latest: number): number {
    return Math.max(0, ...this.#keys.map(({ number }) => number).filter((n) => n <= latest))
  }

  /** Takes the numbers and deadlines of these rotations for the keys that it has. @returns whether any changed */
  follow(rotations: readonly Rotation[]): boolean {
    const before = this.#keys
    this.#keys = ordered(this.#keys.map((key) => numbered(key, rotations)))
    for (const rotation of rotations) this.#end(rotation)
    return !isSame(before, this.#keys)
  }

  /** Sets the deadline of older keys. */
  #end({ number, digest, oldUntilMs }: Rotation): void {
    const isHeld = this.#keys.some((key) => equals(key.digest, digest) && key.number === number)
    if (!isHeld) return
    this.#keys = this.#keys.map((key) => {
      if (key.number >= number || key.provisional) return key
      return { ...key, acceptedUntilMs: Math.min(key.acceptedUntilMs ?? Infinity, oldUntilMs) }
    })
  }

  /**
   * Takes in a key that one of the rotations names, if it is newer than all that it has.
   *
   * @param latest numbers above it are those of a clock that was far ahead: such keys give way. @default no limit
   * @returns whether it did
   */
  offer(key: HeldKey, rotations: readonly Rotation[], latest: number = Infinity): boolean {
    const rotation = rotationOf(key, rotations)
    if (rotation === undefined || rotation.number <= this.numberUpTo(latest)) return false
    if (this.#isReplaced(key)) return false
    const others = this.#keys.filter(({ number }) => number <= latest)
    this.#keep([
      ...others.filter(({ digest }) => !equals(digest, key.digest)),
      plain(key, rotation),
    ])
    this.follow(rotations)
    return true
  }

  /**
   * Takes in the key of an invite until this time, in the place of an earlier one. It becomes current only when a list
   * names it.
   *
   * @returns whether it was new: not held, and not replaced before
   */
  invited(key: HeldKey, acceptedUntilMs: number): boolean {
    if (this.#holds(key) || this.#isReplaced(key)) return false
    const known = this.#keys.filter(({ provisional }) => !provisional)
    this.#keep([...known, { ...key, number: 0, provisional: true, acceptedUntilMs }])
    return true
  }

  /** Takes in what another process of this machine has written. @returns whether any key changed */
  merge(keys: readonly HeldKey[], retired: readonly Uint8Array[] = []): boolean {
    const before = this.#keys
    for (const digest of retired) this.#retire(digest)
    for (const key of keys) {
      if (!this.#retired.some((digest) => equals(digest, key.digest))) this.#add(key)
    }
    return !isSame(before, this.#keys)
  }

  #add(key: HeldKey): void {
    const known = this.#keys.find(({ digest }) => equals(digest, key.digest))
    const others = this.#keys.filter((each) => each !== known)
    this.#keep([...others, known === undefined ? key : joined(known, key)])
  }

  /** Drops keys that are no longer accepted. */
  prune(nowMs: number): void {
    this.#keep(this.#accepted(nowMs))
  }

  #keep(keys: readonly HeldKey[]): void {
    const kept = ordered(keys)
    const dropped = this.#keys.filter(
      ({ digest }) => !kept.some((key) => equals(key.digest, digest)),
    )
    for (const { digest, provisional } of dropped) if (!provisional) this.#retire(digest)
    this.#keys = kept
  }

  #retire(digest: Uint8Array): void {
    if (this.#retired.some((each) => equals(each, digest))) return
    this.#retired = [...this.#retired, digest].slice(-MAX_RETIRED)
  }

  #holds({ digest }: HeldKey): boolean {
    return this.#keys.some((key) => equals(key.digest, digest))
  }

  /** Whether a newer key has taken the place of this one. */
  #isReplaced({ digest }: HeldKey): boolean {
    return (
      this.#retired.some((each) => equals(each, digest)) ||
      this.#keys.some((key) => equals(key.digest, digest) && isEnding(key))
    )
  }
}

/** The rotation that names the key. Of several the first one: a key does not move up when it is named again. */
export function rotationOf(
  { digest }: Pick<HeldKey, 'digest'>,
  rotations: readonly Rotation[],
): Rotation | undefined {
  return rotations
    .filter((rotation) => equals(rotation.digest, digest))
    .toSorted((a, b) => a.number - b.number)[0]
}

/** A key gets a number once, and none when it was replaced before. */
function numbered(key: HeldKey, rotations: readonly Rotation[]): HeldKey {
  const rotation = rotationOf(key, rotations)
  const isOpen = key.number === 0 && !isEnding(key)
  return rotation === undefined || !isOpen ? key : plain(key, rotation)
}

function isEnding({ acceptedUntilMs, provisional }: HeldKey): boolean {
  return acceptedUntilMs !== undefined && !provisional
}

function plain({ secret, digest }: HeldKey, { number }: Rotation): HeldKey {
  return { number, secret, digest }
}

function ordered(keys: readonly HeldKey[]): readonly HeldKey[] {
  const isProvisional = (key: HeldKey): number => Number(key.provisional ?? false)
  const [current, ...others] = keys.toSorted(
    (a, b) => isProvisional(a) - isProvisional(b) || b.number - a.number,
  )
  if (current === undefined) return []
  // A provisional key is the only one that opens the door for a member that was off.
  const provisional = others.filter((key) => key.provisional)
  const older = others.filter((key) => !key.provisional)
  return [current, ...older.slice(0, MAX_KEYS - 1 - provisional.length), ...provisional]
}

function joined(a: HeldKey, b: HeldKey): HeldKey {
  if (a.provisional !== b.provisional) return a.provisional ? b : a
  const untilMs = Math.min(a.acceptedUntilMs ?? Infinity, b.acceptedUntilMs ?? Infinity)
  return {
    ...{ number: Math.max(a.number, b.number), secret: a.secret, digest: a.digest },
    ...(untilMs < Infinity && { acceptedUntilMs: untilMs }),
    ...(a.provisional && { provisional: true }),
  }
}

function isSame(a: readonly HeldKey[], b: readonly HeldKey[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ number, digest, acceptedUntilMs, provisional }, at) => {
      const other = b[at]
      return (
        other !== undefined &&
        other.number === number &&
        other.provisional === provisional &&
        other.acceptedUntilMs === acceptedUntilMs &&
        equals(other.digest, digest)
      )
    })
  )
}
