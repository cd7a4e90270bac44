import { randomBytes } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { ReceiptBook, SharedTrust } from '../../ledger/index.ts'
import {
  countersign,
  draftReceipt,
  openReceipt,
  type Receipt,
  type ReceiptBody,
} from '../../protocol/index.ts'
import { percent } from './attack-setting.ts'
import type { Attack } from './attacks.ts'

const HONEST = 10
const CLIQUE = 100
const REPLAYS = 1_000
const FORGERIES = 100
/** Receipts that each of the clique gives. */
const PRAISES = 3
/** Tokens of every receipt. */
const TOKENS = 1_000
/** Share of trust that returns to the pre-trusted, as shipped. */
const RESTART = 0.5

interface Party {
  readonly id: PeerId
  readonly key: PrivateKey
}

/** Real signatures; only the network is left out. */
export const receiptFarming: Attack = {
  name: 'Receipt replay, forgery, farming',
  criterion: `one receipt ${REPLAYS} times, ${FORGERIES} forged, ${CLIQUE} identities that praise each other and served the victim once: none counted twice, none forged, mass ≤ (1 − a)g ÷ (a + (1 − a)g)`,
  control: 'seeded-trust',
  async run({ scale = 1, without = [] }) {
    const nowMs = Date.now()
    const book = new ReceiptBook(() => nowMs)
    const me = await newParty()
    const honest = await parties(HONEST)
    const clique = await parties(Math.max(20, Math.round(CLIQUE * scale)))
    for (const server of honest) book.add(await receiptOf(me, server, nowMs))
    // It answered once, and well.
    const earned = await receiptOf(me, clique[0] as Party, nowMs)
    let counted = 0
    for (let n = 0; n < REPLAYS; n += 1) {
      const again = await openReceipt(earned.bytes, nowMs)
      if (book.add(again) === 'new') counted += 1
    }
    const forged = await forge(me, clique, earned, nowMs)
    for (const receipt of forged) book.add(receipt)
    for (const [n, client] of clique.entries()) {
      for (let next = 1; next <= PRAISES; next += 1) {
        const server = clique[(n + next) % clique.length] as Party
        book.add(await receiptOf(client, server, nowMs))
      }
    }
    const seeds = without.includes('seeded-trust') ? [me, ...honest, ...clique] : [me]
    const trust = new SharedTrust(
      book,
      seeds.map(({ id }) => id.toString()),
      () => nowMs,
    )
    const mass = clique.reduce((sum, { id }) => sum + trust.mass(id.toString()), 0)
    const given = 1 / (HONEST + 1)
    const bound = ((1 - RESTART) * given) / (RESTART + (1 - RESTART) * given)
    return {
      figures: {
        'replays counted': counted - 1,
        'forgeries accepted': forged.length,
        'mass %': percent(mass),
        'bound %': percent(bound),
      },
      passes: counted === 1 && forged.length === 0 && mass <= bound + 1e-9,
    }
  },
}

/** The victim's word for the clique, as far as the clique can write it. @returns those that were taken for real */
async function forge(
  me: Party,
  clique: readonly Party[],
  earned: Receipt,
  nowMs: number,
): Promise<readonly Receipt[]> {
  const taken: Receipt[] = []
  for (let n = 0; n < FORGERIES; n += 1) {
    const thief = clique[n % clique.length] as Party
    const body = bodyOf(me.id, thief.id, nowMs)
    // Signed by the thief in the victim's name; or the earned one, with a byte of it changed.
    const forged =
      n % 2 === 0
        ? await countersign(await draftReceipt(body, thief.key), '', thief.key)
        : earned.bytes.map((byte, at) => (at === n % earned.bytes.length ? byte ^ 1 : byte))
    const opened = await openReceipt(forged, nowMs).catch(() => undefined)
    if (opened !== undefined) taken.push(opened)
  }
  return taken
}

async function newParty(): Promise<Party> {
  const key = await generateKeyPair('Ed25519')
  return { key, id: peerIdFromPrivateKey(key) }
}

const parties = (count: number): Promise<Party[]> =>
  Promise.all(Array.from({ length: count }, newParty))

function bodyOf(client: PeerId, server: PeerId, nowMs: number): ReceiptBody {
  const hash = new Uint8Array(32)
  return {
    ...{ client, server, specHash: hash, outputHash: hash },
    nonce: new Uint8Array(randomBytes(16)),
    ...{ inputTokens: 0, outputTokens: TOKENS },
    ...{ startedAtMs: nowMs - 2_000, endedAtMs: nowMs - 1_000 },
    ...{ sequence: 1, previousHash: new Uint8Array() },
  }
}

async function receiptOf(client: Party, server: Party, nowMs: number): Promise<Receipt> {
  const draft = await draftReceipt(bodyOf(client.id, server.id, nowMs), client.key)
  return await openReceipt(await countersign(draft, '', server.key), nowMs)
}
