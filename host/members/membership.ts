import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { equals } from 'uint8arrays/equals'
import {
  type Admission,
  type Certificate,
  InferenceError,
  type MemberList,
  openMemberList,
  sealBadge,
  swarmIdOf,
} from '../../protocol/index.ts'
import { diskFaultOf } from '../../storage/index.ts'
import { systemClock } from '../../timing/index.ts'
import { lockDataDirInTurn } from '../data-dir-lock.ts'
import { heldKey } from './keyring.ts'
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
import { SwarmKeys } from './swarm-keys.ts'

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
  readonly keys: SwarmKeys
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
    keys: SwarmKeys,
    own: OwnCertificate,
    { onFault, now }: Required<MembershipInit>,
  ) {
    this.directory = directory
    this.roster = roster
    this.keys = keys
    this.#files = files
    this.#own = own
    this.#onFault = onFault
    this.#now = now
    const paths = swarmPaths(directory)
    this.#shared = new SharedFiles([paths.admission, paths.keys], () => {
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
    const keys = await SwarmKeys.open({ directory, files, roster, now })
    const membership = new Membership(directory, files, roster, keys, own, { onFault, now })
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
    return this.keys.current.secret
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
    const isNewKey = key !== undefined && this.keys.offer(key, nowMs)
    if (isNew || isNewKey) {
      this.#told()
      await this.#save()
    }
    return key === undefined || isNewKey || !this.keys.isAhead(key)
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
        await this.keys.save()
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

  /** Takes in the pre-shared key that this machine's list names, in `change`. */
  async rotated(secret: Uint8Array, nowMs: number): Promise<void> {
    if (this.keys.offer(await heldKey(secret), nowMs)) return
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
    return await this.change(() => Promise.resolve(this.keys.invited(key)))
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
    return this.keys.follow() || isNew
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

  /** Takes in what other processes have written. @throws the system's error for an unreadable file */
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
    const hasKeys = await this.keys.mergeFile()
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
