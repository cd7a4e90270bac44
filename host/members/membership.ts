import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { equals } from 'uint8arrays/equals'
import {
  type Admission,
  type Certificate,
  InferenceError,
  type MemberList,
  openMemberList,
  type Rotation,
  sealBadge,
  swarmIdOf,
} from '../../protocol/index.ts'
import { diskFaultOf } from '../../storage/index.ts'
import { systemClock } from '../../timing/index.ts'
import { lockDataDirInTurn } from '../data-dir-lock.ts'
import { readKeyFile, writeKeyFile } from './key-file.ts'
import { type HeldKey, heldKey, Keyring, rotationOf } from './keyring.ts'
import { MEMBERSHIP } from './limits.ts'
import { isBetterOwn, type OwnCertificate, ownCertificateOf } from './own-certificate.ts'
import { Roster } from './roster.ts'
import { SharedFiles } from './shared-files.ts'
import {
  readAdmission,
  readSwarmFiles,
  type SwarmFiles,
  swarmPaths,
  writeAdmission,
} from './swarm-files.ts'

/** Where faults of a membership's files are reported. */
export interface MembershipInit {
  /** Receives a message for the operator if a change cannot be saved. @default no call */
  readonly onFault?: (message: string) => void
  /** Milliseconds since 1970. @default the machine's clock */
  readonly now?: () => number
}

/** This machine's membership of one swarm, and the lists that it knows. Processes of the machine share the directory. */
export class Membership implements Disposable {
  readonly directory: string
  readonly roster: Roster
  readonly keyring: Keyring
  readonly #files: SwarmFiles
  readonly #onFault: (message: string) => void
  readonly #now: () => number
  readonly #listeners = new Set<() => void>()
  readonly #shared: SharedFiles
  #own: OwnCertificate
  #unsaved: boolean = false
  #isClosed: boolean = false
  #changing: Promise<unknown> = Promise.resolve()

  private constructor(
    directory: string,
    files: SwarmFiles,
    roster: Roster,
    keyring: Keyring,
    own: OwnCertificate,
    { onFault, now }: Required<MembershipInit>,
  ) {
    this.directory = directory
    this.roster = roster
    this.keyring = keyring
    this.#files = files
    this.#own = own
    this.#onFault = onFault
    this.#now = now
    const { admission, keys } = swarmPaths(directory)
    this.#shared = new SharedFiles([admission, keys], () => {
      this.refresh().catch((error: unknown) =>
        onFault(`the membership stays as it was: ${String(error)}`),
      )
    })
  }

  /** @throws InferenceError `invalid_request` if the directory holds no membership, or a damaged one */
  static async open(directory: string, init: MembershipInit = {}): Promise<Membership> {
    const files = await readSwarmFiles(directory)
    const { owner } = files
    const roster = new Roster({ swarmId: await swarmIdOf(owner), owner })
    const own = await ownCertificateOf(files.admission)
    const { onFault = () => {}, now = systemClock.wall } = init
    const { keys, retired } = await readKeyFile(directory)
    const keyring = new Keyring(keys.length > 0 ? keys : [await heldKey(files.secret)], retired)
    const membership = new Membership(directory, files, roster, keyring, own, { onFault, now })
    await membership.#merge(files.admission.lists)
    return membership
  }

  get name(): string {
    return this.#files.name
  }

  get swarmId(): Uint8Array {
    return this.roster.swarmId
  }

  /** Multiaddrs of members to join through. */
  get addresses(): readonly string[] {
    return this.#files.addresses
  }

  /** The newest pre-shared key, 32 bytes. */
  get secret(): Uint8Array {
    return this.keyring.current.secret
  }

  /** Pre-shared keys with which connections may be made, 32 bytes each, the newest first. */
  secrets(nowMs: number): readonly Uint8Array[] {
    return this.keyring.accepted(nowMs)
  }

  /**
   * The newest pre-shared key, for a member that has only older ones. Absent until all lists are here that its rotation
   * names: one of them may revoke that member.
   *
   * @param number of the newest key that the member has
   */
  keyFor(number: number): HeldKey | undefined {
    const { current } = this.keyring
    const rotation = rotationOf(current, this.rotations())
    if (rotation === undefined || rotation.number <= number) return undefined
    return rotation.heads.some((head) => this.roster.lacks(head)) ? undefined : current
  }

  /** Number of the newest pre-shared key, without those that a clock far ahead has given. */
  keyNumber(nowMs: number): number {
    return this.keyring.numberUpTo(latestNumber(nowMs))
  }

  get memberKey(): PrivateKey {
    return this.#files.memberKey
  }

  /** Id of the member's key. */
  get member(): PeerId {
    return peerIdFromPrivateKey(this.#files.memberKey)
  }

  /** This machine's own. */
  get certificate(): Certificate {
    return this.#own.certificate
  }

  /** The certificate of the admin that issued it. Absent if the owner did. */
  get issuerCertificate(): Certificate | undefined {
    return this.#own.issuerCertificate
  }

  /** This member's word for the peer id of a process. */
  async badgeFor(peer: PeerId): Promise<Uint8Array> {
    return await sealBadge({ swarmId: this.swarmId, peer }, this.memberKey)
  }

  /** Called after each change of the lists or of the own certificate. @returns unsubscribe */
  onChange(listener: () => void): () => void {
    if (this.#listeners.size === 0) this.#shared.follow()
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this[Symbol.dispose]()
    }
  }

  /** Stops following changes by other processes. */
  [Symbol.dispose](): void {
    this.#shared.unfollow()
  }

  /** Waits for what is being written; nothing is written afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true
    this[Symbol.dispose]()
    await this.#changing
  }

  /**
   * Takes in lists from a peer. Those that are void, or are known already, change nothing.
   *
   * @param secret a pre-shared key, which is taken if a list names it, and it is newer than all others
   * @param nowMs the time by which rotations are judged. @default this machine's
   * @returns whether the secret, if there is one, need not be offered again
   * @throws InferenceError `malformed`
   */
  async take(
    lists: readonly Uint8Array[],
    secret?: Uint8Array,
    nowMs: number = this.#now(),
  ): Promise<boolean> {
    const isNew = await this.#merge(lists)
    const key = secret === undefined ? undefined : await heldKey(secret)
    const isNewKey = key !== undefined && this.#offer(key, nowMs)
    if (isNew || isNewKey) {
      this.#told()
      await this.#save()
    }
    return key === undefined || isNewKey || !this.#isAhead(key)
  }

  #offer(key: HeldKey, nowMs: number): boolean {
    return this.keyring.offer(key, this.rotations(nowMs), latestNumber(nowMs))
  }

  /** Whether a list names this key, as a newer one than all that are here. */
  #isAhead(key: HeldKey): boolean {
    const rotation = rotationOf(key, this.roster.rotations())
    return rotation !== undefined && rotation.number > this.keyring.current.number
  }

  /** Replaces the own certificate by a renewed one. @throws InferenceError `malformed` for that of another member */
  async adopt(admission: Admission): Promise<void> {
    const own = await ownCertificateOf(admission)
    if (!own.certificate.member.equals(this.member)) {
      throw new InferenceError('malformed', 'a certificate of another member')
    }
    await this.#merge(admission.lists)
    this.#own = own
    this.#told()
    await this.#save()
  }

  /** Runs `work` while no other process changes the files, with what they hold now; saves what it took in. */
  async change<T>(work: () => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      const unlock = await lockDataDirInTurn(swarmPaths(this.directory).lock)
      try {
        await this.#mergeFile()
        const result = await work()
        // A key that no list names would be handed on to no other member: the lists come first.
        await writeAdmission(this.directory, this.#admission())
        await this.#writeKeys()
        this.#unsaved = false
        return result
      } finally {
        await unlock()
      }
    }
    const changed = this.#changing.then(run, run)
    this.#changing = changed.catch(() => undefined)
    const result = await changed
    this.#told()
    return result
  }

  async #writeKeys(): Promise<void> {
    const { keyring } = this
    keyring.prune(this.#now())
    const isFirst = keyring.keys.every(({ secret }) => equals(secret, this.#files.secret))
    if (!isFirst) await writeKeyFile(this.directory, keyring)
  }

  /** Rotations in the lists, without those whose number, a time, is far ahead. */
  rotations(nowMs: number = this.#now()): readonly Rotation[] {
    const latest = latestNumber(nowMs)
    return this.roster.rotations().filter(({ number }) => number <= latest)
  }

  /** Takes in the pre-shared key that this machine's list names, in `change`. */
  async rotated(secret: Uint8Array, nowMs: number): Promise<void> {
    if (this.#offer(await heldKey(secret), nowMs)) return
    throw new InferenceError('internal', 'the new pre-shared key is not taken')
  }

  /**
   * Takes in the pre-shared key of a new invite, for a machine that missed its rotation. It is tried beside the others for
   * a day, and counts once a list names it.
   *
   * @returns whether it is new
   */
  async takeInvited(secret: Uint8Array): Promise<boolean> {
    const key = await heldKey(secret)
    return await this.change(async () => {
      const isNew = this.keyring.invited(key, this.#now() + MEMBERSHIP.overlapMs)
      this.keyring.follow(this.rotations())
      return isNew
    })
  }

  /** Takes in a list of this machine's own making, in `change`. */
  async publish(list: Uint8Array): Promise<void> {
    const taken = this.roster.take(await openMemberList(list))
    if (taken !== 'new') throw new InferenceError('internal', `the new list of members is ${taken}`)
    this.#adoptFromLists()
  }

  async #merge(lists: readonly Uint8Array[]): Promise<boolean> {
    let isNew = false
    const unknown = lists.filter((bytes) => !this.#holds(bytes))
    // The owner's first: it says who else may issue.
    const opened = await Promise.all(unknown.map((bytes) => openMemberList(bytes)))
    const byOwner = (list: MemberList): number => Number(this.roster.isOwner(list.issuer))
    for (const list of opened.toSorted((a, b) => byOwner(b) - byOwner(a))) {
      if (this.roster.take(list) === 'new') isNew = true
    }
    if (isNew) this.#adoptFromLists()
    return this.keyring.follow(this.rotations()) || isNew
  }

  /** Whether the list was verified before, and is in force. */
  #holds(list: Uint8Array): boolean {
    return this.roster.lists().some(({ bytes }) => equals(bytes, list))
  }

  /** A renewal, or another role, reaches this machine with the lists. */
  #adoptFromLists(): void {
    const listed = this.roster.certificateOf(this.member)
    if (listed === undefined || !isBetterOwn(listed, this.certificate)) return
    const { issuerCertificate } = this.roster.listOf(listed.issuer) ?? {}
    this.#own = { certificate: listed, issuerCertificate }
  }

  /** Takes in what other processes of this machine have written. @throws the system's error for an unreadable file */
  async refresh(): Promise<void> {
    if (await this.#mergeFile()) this.#told()
    if (this.#unsaved) await this.#save()
  }

  /** @returns whether anything changed */
  async #mergeFile(): Promise<boolean> {
    return (await this.#shared.readChanged(() => this.#mergeFiles())) ?? false
  }

  async #mergeFiles(): Promise<boolean> {
    const admission = await readAdmission(this.directory)
    const own = await ownCertificateOf(admission)
    const isBetter = isBetterOwn(own.certificate, this.certificate)
    if (isBetter) this.#own = own
    const { keys, retired } = await readKeyFile(this.directory)
    const hasKeys = this.keyring.merge(keys, retired)
    return (await this.#merge(admission.lists)) || isBetter || hasKeys
  }

  /** Never rejects: what is not saved still holds in this process. */
  async #save(): Promise<void> {
    this.#unsaved = true
    if (this.#isClosed) return
    try {
      await this.change(() => Promise.resolve())
    } catch (error) {
      this.#onFault(
        `the list of members is not saved: ${diskFaultOf(error)?.reason ?? String(error)}`,
      )
    }
  }

  #admission(): Admission {
    return {
      certificate: this.certificate.bytes,
      issuerCertificate: this.issuerCertificate?.bytes ?? new Uint8Array(),
      lists: this.roster.lists().map(({ bytes }) => bytes),
    }
  }

  #told(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** The highest number that a rotation may have: it is a time. */
function latestNumber(nowMs: number): number {
  return nowMs + MEMBERSHIP.startToleranceMs
}
