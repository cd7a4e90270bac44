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
}

/** Keys that are kept: more than that many rotations within one overlap shut out who missed them. */
const MAX_KEYS = 8

/** A key with its digest. @param secret 32 bytes */
export async function heldKey(
  secret: Uint8Array,
  of: Pick<HeldKey, 'acceptedUntilMs' | 'number'> = { number: 0 },
): Promise<HeldKey> {
  return { ...of, secret, digest: await secretDigest(secret) }
}

/**
 * The pre-shared keys that this machine has: the newest, and older ones until the deadlines of the rotations that replaced
 * them. Pure. Numbers only rise: an older rotation changes nothing.
 */
export class Keyring {
  #keys: readonly HeldKey[]

  /** @param keys at least one */
  constructor(keys: readonly HeldKey[]) {
    this.#keys = ordered(keys)
  }

  /** The newest first. */
  get keys(): readonly HeldKey[] {
    return this.#keys
  }

  get current(): HeldKey {
    const [current] = this.#keys
    if (current === undefined) throw new Error('unreachable: a keyring has a key')
    return current
  }

  /** Secrets with which connections may be made, the newest first. */
  accepted(nowMs: number): readonly Uint8Array[] {
    return this.#keys
      .filter((key) => key === this.current || nowMs <= (key.acceptedUntilMs ?? Infinity))
      .map(({ secret }) => secret)
  }

  /** Takes the numbers and deadlines of these rotations for the keys that it has. @returns whether any changed */
  follow(rotations: readonly Rotation[]): boolean {
    const before = this.#keys
    for (const rotation of rotations) this.#follow(rotation)
    return !isSame(before, this.#keys)
  }

  #follow({ number, digest, oldUntilMs }: Rotation): void {
    if (!this.#keys.some((key) => equals(key.digest, digest))) return
    this.#keys = ordered(
      this.#keys.map((key) => {
        if (equals(key.digest, digest)) return { ...key, number }
        if (key.number >= number) return key
        return { ...key, acceptedUntilMs: Math.min(key.acceptedUntilMs ?? Infinity, oldUntilMs) }
      }),
    )
  }

  /** Takes in a key that one of the rotations names, if it is newer than all that it has. @returns whether it did */
  offer(key: HeldKey, rotations: readonly Rotation[]): boolean {
    const rotation = rotations.find(({ digest }) => equals(digest, key.digest))
    if (rotation === undefined || rotation.number <= this.current.number) return false
    this.#add({ ...key, number: rotation.number })
    this.follow(rotations)
    return true
  }

  /** Takes in the key of an invite, which an admin has just made. @returns whether it was new */
  invited(key: HeldKey): boolean {
    if (this.#keys.some(({ digest }) => equals(digest, key.digest))) return false
    this.#add({ ...key, number: this.current.number + 1 })
    return true
  }

  /** Takes in the keys that another process of this machine has written. @returns whether any changed */
  merge(keys: readonly HeldKey[]): boolean {
    const before = this.#keys
    for (const key of keys) this.#add(key)
    return !isSame(before, this.#keys)
  }

  #add(key: HeldKey): void {
    const known = this.#keys.find(({ digest }) => equals(digest, key.digest))
    const others = this.#keys.filter((each) => each !== known)
    this.#keys = ordered([...others, known === undefined ? key : joined(known, key)])
  }

  /** Drops keys that are no longer accepted. */
  prune(nowMs: number): void {
    const kept = this.accepted(nowMs)
    this.#keys = this.#keys.filter(({ secret }) => kept.includes(secret))
  }
}

function ordered(keys: readonly HeldKey[]): readonly HeldKey[] {
  return keys.toSorted((a, b) => b.number - a.number).slice(0, MAX_KEYS)
}

function joined(a: HeldKey, b: HeldKey): HeldKey {
  const untilMs = Math.min(a.acceptedUntilMs ?? Infinity, b.acceptedUntilMs ?? Infinity)
  return {
    ...{ number: Math.max(a.number, b.number), secret: a.secret, digest: a.digest },
    ...(untilMs < Infinity && { acceptedUntilMs: untilMs }),
  }
}

function isSame(a: readonly HeldKey[], b: readonly HeldKey[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ number, digest, acceptedUntilMs }, at) => {
      const other = b[at]
      return (
        other !== undefined &&
        other.number === number &&
        other.acceptedUntilMs === acceptedUntilMs &&
        equals(other.digest, digest)
      )
    })
  )
}
