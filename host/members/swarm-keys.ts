import { equals } from 'uint8arrays/equals'
import type { Rotation } from '../../protocol/index.ts'
import { readKeyFile, writeKeyFile } from './key-file.ts'
import { type HeldKey, heldKey, Keyring, rotationOf } from './keyring.ts'
import { MEMBERSHIP } from './limits.ts'
import type { Roster } from './roster.ts'
import type { SwarmFiles } from './swarm-files.ts'

interface SwarmKeysInit {
  readonly directory: string
  readonly files: Pick<SwarmFiles, 'secret'>
  readonly roster: Roster
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The pre-shared keys of one swarm that this machine has, judged by the rotations in its lists. */
export class SwarmKeys {
  readonly #init: SwarmKeysInit
  readonly #keyring: Keyring

  private constructor(init: SwarmKeysInit, keyring: Keyring) {
    this.#init = init
    this.#keyring = keyring
  }

  static async open(init: SwarmKeysInit): Promise<SwarmKeys> {
    const { keys, retired } = await readKeyFile(init.directory)
    const held = keys.length > 0 ? keys : [await heldKey(init.files.secret)]
    return new SwarmKeys(init, new Keyring(held, retired))
  }

  /** The newest key. */
  get current(): HeldKey {
    return this.#keyring.current
  }

  /** Keys with which connections may be made, 32 bytes each, the newest first. */
  secrets(nowMs: number): readonly Uint8Array[] {
    return this.#keyring.accepted(nowMs)
  }

  /**
   * The newest key, for a member that has only older ones. Absent until all lists are here that its rotation names: one of
   * them may revoke that member.
   *
   * @param number of the newest key that the member has
   */
  keyFor(number: number): HeldKey | undefined {
    const { current } = this.#keyring
    const rotation = rotationOf(current, this.rotations())
    if (rotation === undefined || rotation.number <= number) return undefined
    return rotation.heads.some((head) => this.#init.roster.lacks(head)) ? undefined : current
  }

  /** Number of the newest key, without those that a clock far ahead has given. */
  number(nowMs: number): number {
    return this.#keyring.numberUpTo(latestNumber(nowMs))
  }

  /** Rotations in the lists, without those whose number, a time, is far ahead. */
  rotations(nowMs: number = this.#init.now()): readonly Rotation[] {
    const latest = latestNumber(nowMs)
    return this.#init.roster.rotations().filter(({ number }) => number <= latest)
  }

  /** Takes a key that a list names, if it is newer than all others. @returns whether it did */
  offer(key: HeldKey, nowMs: number): boolean {
    return this.#keyring.offer(key, this.rotations(nowMs), latestNumber(nowMs))
  }

  /** Whether a list names this key, as a newer one than all that are here. */
  isAhead(key: HeldKey): boolean {
    const rotation = rotationOf(key, this.#init.roster.rotations())
    return rotation !== undefined && rotation.number > this.#keyring.current.number
  }

  /** Tries the key of an invite beside the others for a day. It counts once a list names it. @returns whether it is new */
  invited(key: HeldKey): boolean {
    const isNew = this.#keyring.invited(key, this.#init.now() + MEMBERSHIP.overlapMs)
    this.follow()
    return isNew
  }

  /** Takes the numbers and deadlines of the rotations. @returns whether any key changed */
  follow(): boolean {
    return this.#keyring.follow(this.rotations())
  }

  /** Takes in what another process of this machine has written. @returns whether any key changed */
  async mergeFile(): Promise<boolean> {
    const { keys, retired } = await readKeyFile(this.#init.directory)
    return this.#keyring.merge(keys, retired)
  }

  /** Writes the keys, unless there is only that of the swarm's files. */
  async save(): Promise<void> {
    const { directory, files, now } = this.#init
    this.#keyring.prune(now())
    const isFirst = this.#keyring.keys.every(({ secret }) => equals(secret, files.secret))
    if (!isFirst) await writeKeyFile(directory, this.#keyring)
  }
}

/** The highest number that a rotation may have: it is a time. */
function latestNumber(nowMs: number): number {
  return nowMs + MEMBERSHIP.startToleranceMs
}
