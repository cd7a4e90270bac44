import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { fromString } from 'uint8arrays/from-string'
import { toString as textOf } from 'uint8arrays/to-string'
import {
  type Admission,
  decodeMembershipAnswer,
  encodeMembershipAnswer,
  InferenceError,
} from '../../protocol/index.ts'
import {
  codeOf,
  isNewerFormat,
  makeDirectory,
  NEWER_FORMAT,
  writeAtomic,
} from '../../storage/index.ts'

const VERSION = 1
/** Addresses to join through. */
const MAX_ADDRESSES = 16

/** What a machine keeps of a swarm that it is a member of. */
export interface SwarmFiles {
  readonly name: string
  /** Id of the owner's key. */
  readonly owner: PeerId
  /** The pre-shared key with which it joined, 32 bytes. */
  readonly secret: Uint8Array
  /** Multiaddrs of members to join through. */
  readonly addresses: readonly string[]
  readonly memberKey: PrivateKey
  readonly admission: Admission
}

/** Paths in the directory of a swarm. */
export function swarmPaths(
  directory: string,
): Readonly<Record<'swarm' | 'memberKey' | 'ownerKey' | 'admission' | 'keys' | 'lock', string>> {
  return {
    swarm: join(directory, 'swarm.json'),
    memberKey: join(directory, 'member.key'),
    ownerKey: join(directory, 'owner.key'),
    admission: join(directory, 'membership'),
    keys: join(directory, 'keys.json'),
    lock: join(directory, 'changing'),
  }
}

/** @throws InferenceError `invalid_request` if the directory holds no membership, a damaged one, or one of a newer version */
export async function readSwarmFiles(directory: string): Promise<SwarmFiles> {
  const paths = swarmPaths(directory)
  try {
    const swarm: unknown = JSON.parse(await readFile(paths.swarm, 'utf8'))
    checkFormat(directory, swarm, VERSION)
    const { name, owner, secret, addresses } = swarm as Record<string, unknown>
    return {
      name: String(name),
      owner: peerIdFromString(String(owner)),
      secret: fromString(String(secret), 'base16'),
      addresses: Array.isArray(addresses) ? addresses.map(String) : [],
      memberKey: privateKeyFromProtobuf(await readFile(paths.memberKey)),
      admission: await readAdmission(directory),
    }
  } catch (cause) {
    if (InferenceError.is(cause)) throw cause
    const why = codeOf(cause) === 'ENOENT' ? 'no membership is kept there' : 'it is damaged'
    throw new InferenceError(
      'invalid_request',
      `cannot read the membership in ${directory}: ${why}. Join again with a new invite`,
      { cause },
    )
  }
}

/** @throws InferenceError `invalid_request` for content of a file that a newer version wrote */
export function checkFormat(directory: string, content: unknown, known: number): void {
  if (!isNewerFormat(content, known)) return
  throw new InferenceError(
    'invalid_request',
    `cannot use the membership in ${directory}: ${NEWER_FORMAT}`,
  )
}

export async function readAdmission(directory: string): Promise<Admission> {
  const answer = decodeMembershipAnswer(await readFile(swarmPaths(directory).admission))
  if (answer.type !== 'admission') throw new Error('not an admission')
  return answer.admission
}

/** Writes a new membership; `swarm.json` last, so that a directory with one is whole. */
export async function writeSwarmFiles(directory: string, files: SwarmFiles): Promise<void> {
  const { name, owner, secret, addresses } = files
  const paths = swarmPaths(directory)
  await makeDirectory(directory)
  await writeAtomic(paths.memberKey, privateKeyToProtobuf(files.memberKey))
  await writeAdmission(directory, files.admission)
  const swarm = {
    version: VERSION,
    name,
    owner: owner.toString(),
    secret: textOf(secret, 'base16'),
  }
  await writeAtomic(paths.swarm, `${JSON.stringify({ ...swarm, addresses }, null, 2)}\n`)
}

/** Adds addresses to join through, before the known ones. */
export async function addAddresses(directory: string, added: readonly string[]): Promise<void> {
  const { swarm: path } = swarmPaths(directory)
  const swarm = JSON.parse(await readFile(path, 'utf8')) as { readonly addresses?: unknown }
  const known = Array.isArray(swarm.addresses) ? swarm.addresses.map(String) : []
  const addresses = [...new Set([...added, ...known])].slice(0, MAX_ADDRESSES)
  await writeAtomic(path, `${JSON.stringify({ ...swarm, addresses }, null, 2)}\n`)
}

export async function writeAdmission(directory: string, admission: Admission): Promise<void> {
  const bytes = encodeMembershipAnswer({ type: 'admission', admission })
  await writeAtomic(swarmPaths(directory).admission, bytes)
}

/** Writes a key to a new file. @throws the system's error, `EEXIST` for an existing file */
export async function writeOwnerKey(path: string, key: PrivateKey): Promise<void> {
  await writeFile(path, privateKeyToProtobuf(key), { mode: 0o600, flag: 'wx' })
}

/**
 * The owner's key: of this file, or the one beside the membership if it is there.
 *
 * @throws InferenceError `invalid_request` for a file that is no key, or a named one that is missing
 */
export async function readOwnerKey(
  directory: string,
  file?: string,
): Promise<PrivateKey | undefined> {
  const path = file ?? swarmPaths(directory).ownerKey
  try {
    return privateKeyFromProtobuf(await readFile(path))
  } catch (cause) {
    if (file === undefined && codeOf(cause) === 'ENOENT') return undefined
    throw new InferenceError('invalid_request', `${path} holds no owner's key`, { cause })
  }
}
