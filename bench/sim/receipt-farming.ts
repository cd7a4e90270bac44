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
import type { Attack } from './attack.ts'
import { percent } from './attack-setting.ts'

const HONEST = 10
const CLIQUE = 100
const REPLAYS = 1_000
const FORGERIES = 100
/** Receipts that each of the clique gives. */
const PRAISES = 3
/** Tokens of every receipt. */
const TOKENS = 1_000
/** Receipts that the one who earned gives each of its own, and the tokens in each: the most that one counts. */
const LAUNDERED = 4
const LAUNDERED_TOKENS = 10_000
/** Share of trust that returns to the pre-trusted, as shipped. */
const RESTART = 0.5

interface Party {
  readonly id: PeerId
  readonly key: PrivateKey
}

/** Real signatures; only the network is left out. */
export const receiptFarming: Attack = {
  name: 'Receipt replay, forgery, farming',
  criterion: `one receipt ${REPLAYS} times, ${FORGERIES} forged, ${CLIQUE} identities that vouch for each other and served the victim once: none counted twice, none forged, mass ≤ (1 − a)g ÷ (a + (1 − a)g)`,
  control: 'seeded-trust',
  moves: ['mass %'],
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
        'replays counted': { value: counted - 1, atMost: 0, atLeast: 0 },
        'forgeries accepted': { value: forged.length, atMost: 0 },
        'mass %': { value: percent(mass), atMost: percent(bound + 1e-9) },
        'bound %': { value: percent(bound) },
      },
    }
  },
}

/** Credit is what buys a place before strangers, and a mass that is bounded bounds no sum of tokens. */
export const creditLaundering: Attack = {
  name: 'Credit laundering',
  criterion: `one earned a receipt for ${TOKENS} tokens and gives ${CLIQUE} identities of its own ${LAUNDERED} each for ${LAUNDERED_TOKENS}, all for one owner: credited together ≤ what was earned, honest ones as before`,
  control: 'seeded-trust',
  moves: ['credited'],
  async run({ scale = 1, without = [] }) {
    const nowMs = Date.now()
    const book = new ReceiptBook(() => nowMs)
    const me = await newParty()
    const honest = await parties(HONEST)
    const [earner, owner, ...puppets] = await parties(Math.max(20, Math.round(CLIQUE * scale)) + 2)
    if (earner === undefined || owner === undefined) throw new Error('unreachable')
    for (const server of [...honest, earner]) book.add(await receiptOf(me, server, nowMs))
    const beneficiary = owner.id.toString()
    for (const puppet of puppets) {
      let previous: Receipt | undefined
      for (let n = 0; n < LAUNDERED; n += 1) {
        const more = { beneficiary, previous, outputTokens: LAUNDERED_TOKENS }
        previous = await receiptOf(earner, puppet, nowMs, more)
        book.add(previous)
      }
    }
    const clique = [earner, owner, ...puppets]
    const seeds = without.includes('seeded-trust') ? [me, ...honest, ...clique] : [me]
    const trust = new SharedTrust(
      book,
      seeds.map(({ id }) => id.toString()),
      () => nowMs,
    )
    const creditOf = ({ id }: Party): number => trust.given(id.toString())
    const credited = clique.reduce((sum, one) => sum + creditOf(one), 0)
    const least = Math.min(...honest.map(creditOf))
    return {
      figures: {
        'tokens earned': { value: TOKENS },
        credited: { value: credited, atMost: TOKENS, atLeast: 0.99 * TOKENS },
        'each honest one': { value: least, atLeast: 0.99 * TOKENS },
      },
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

interface More {
  readonly beneficiary?: string
  readonly previous?: Receipt | undefined
  readonly outputTokens?: number
}

function bodyOf(client: PeerId, server: PeerId, nowMs: number, more: More = {}): ReceiptBody {
  const { previous, outputTokens = TOKENS } = more
  const hash = new Uint8Array(32)
  return {
    ...{ client, server, specHash: hash, outputHash: hash },
    nonce: new Uint8Array(randomBytes(16)),
    ...{ inputTokens: 0, outputTokens },
    ...{ startedAtMs: nowMs - 2_000, endedAtMs: nowMs - 1_000 },
    sequence: (previous?.sequence ?? 0) + 1,
    previousHash: previous?.hash ?? new Uint8Array(),
  }
}

async function receiptOf(
  client: Party,
  server: Party,
  nowMs: number,
  more: More = {},
): Promise<Receipt> {
  const draft = await draftReceipt(bodyOf(client.id, server.id, nowMs, more), client.key)
  return await openReceipt(await countersign(draft, more.beneficiary ?? '', server.key), nowMs)
}
