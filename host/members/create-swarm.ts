import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import {
  InferenceError,
  memberName,
  openCertificate,
  sealCertificate,
  sealMemberList,
  swarmIdOf,
} from '../../protocol/index.ts'
import { codeOf, makeDirectory } from '../../storage/index.ts'
import { systemClock } from '../../timing/index.ts'
import { isSwarmName } from './is-swarm-name.ts'
import { MEMBERSHIP } from './limits.ts'
import { swarmPaths, writeOwnerKey, writeSwarmFiles } from './swarm-files.ts'

const SECRET_BYTES = 32

/** A new swarm, and the machine that makes it. */
export interface CreateSwarmInit {
  /** Name of the swarm: 1 to 63 letters, digits, dots, dashes or underscores, no dot at the beginning; not `current`. */
  readonly name: string
  /** Name of this machine, the first admin. */
  readonly memberName: string
  /** New file for the owner's key, to be kept offline. @default `owner.key` in the directory */
  readonly ownerKeyFile?: string
  /** Milliseconds since 1970. @default now */
  readonly nowMs?: number
}

/**
 * Creates a swarm with members: the owner's key, a pre-shared key, and this machine's membership as its first admin.
 *
 * @param directory new directory of this machine's membership
 * @throws InferenceError `invalid_request` for a bad name, or a directory or key file that exists
 */
export async function createSwarm(directory: string, init: CreateSwarmInit): Promise<void> {
  const { name, nowMs = systemClock.wall() } = init
  checkSwarmName(name)
  const machine = memberName(init.memberName)
  await checkNoMembership(directory)
  const ownerKey = await generateKeyPair('Ed25519')
  const memberKey = await generateKeyPair('Ed25519')
  const owner = peerIdFromPrivateKey(ownerKey)
  const swarmId = await swarmIdOf(owner)
  const certificate = await openCertificate(
    await sealCertificate(
      {
        ...{ swarmId, name: machine, role: 'admin', member: peerIdFromPrivateKey(memberKey) },
        ...{ joinedAtMs: nowMs, notBeforeMs: nowMs },
        expiresAtMs: nowMs + MEMBERSHIP.adminLifetimeMs,
      },
      ownerKey,
    ),
  )
  const list = await sealMemberList(
    {
      ...{ swarmId, number: nowMs, issuedAtMs: nowMs, certificates: [certificate] },
      ...{ invites: [], revocations: [], closedInvites: [] },
    },
    ownerKey,
  )
  await makeDirectory(directory)
  const keyFile = init.ownerKeyFile ?? swarmPaths(directory).ownerKey
  try {
    await writeOwnerKey(keyFile, ownerKey)
  } catch (cause) {
    const why = codeOf(cause) === 'EEXIST' ? 'it exists already' : String(cause)
    throw new InferenceError(
      'invalid_request',
      `cannot write the owner's key to ${keyFile}: ${why}`,
      { cause },
    )
  }
  await writeSwarmFiles(directory, {
    ...{ name, owner, memberKey, addresses: [], secret: randomBytes(SECRET_BYTES) },
    admission: {
      certificate: certificate.bytes,
      issuerCertificate: new Uint8Array(),
      lists: [list],
    },
  })
}

/** @throws InferenceError `invalid_request` if the directory holds a membership already */
export async function checkNoMembership(directory: string): Promise<void> {
  if (await hasMembership(directory)) {
    throw new InferenceError(
      'invalid_request',
      `this machine is a member already: its membership is in ${directory}. \`skein swarm leave\` deletes it`,
    )
  }
}

export async function hasMembership(directory: string): Promise<boolean> {
  return await access(swarmPaths(directory).swarm).then(
    () => true,
    () => false,
  )
}

function checkSwarmName(name: string): void {
  if (isSwarmName(name)) return
  throw new InferenceError(
    'invalid_request',
    "a swarm's name has 1 to 63 letters, digits, dots, dashes or underscores, does not begin with a dot, and is not `auto`, `current` or `none`",
    { details: { param: 'name' } },
  )
}
