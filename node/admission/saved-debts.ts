import { join } from 'node:path'
import { makeDirectory, readStored, writeStored } from '../../storage/index.ts'
import { everyTogether, systemClock } from '../../timing/index.ts'
import type { Debt, Fairness } from './fairness.ts'

const FILE = 'debts.json'
/** Interval of writes: a crash loses at most this much. */
const SAVE_EVERY_MS = 600_000

/**
 * Saves the debts of clients in a directory, for as long as the receipts they are held against: without it, each
 * restart would renew every client's credit. Read at the start, written every ten minutes and at the end.
 *
 * @param dataDir absent: nothing is kept
 * @param onFault receives a message for the operator if the file is damaged
 */
export async function keepDebts(
  fairness: Fairness,
  dataDir: string | undefined,
  onFault: (message: string) => void,
): Promise<AsyncDisposable> {
  if (dataDir === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() }
  const path = join(dataDir, FILE)
  const consequence = 'every client starts with its full credit'
  fairness.restore((await readStored(path, { parse: parsed, consequence, onFault })) ?? [])
  let written = fairness.changes
  // A full disk must not end the node: the debts stay in memory.
  const save = async (): Promise<void> => {
    const { changes } = fairness
    if (changes === written) return
    try {
      await makeDirectory(dataDir)
      await writeStored(path, JSON.stringify(fairness.debts()))
      written = changes
    } catch {}
  }
  const timer = everyTogether(systemClock, SAVE_EVERY_MS, () => void save())
  return {
    async [Symbol.asyncDispose]() {
      timer[Symbol.dispose]()
      await save()
    },
  }
}

/** Skips invalid entries. */
function parsed(text: string): readonly Debt[] | undefined {
  const saved: unknown = JSON.parse(text)
  return Array.isArray(saved) ? saved.filter(isDebt) : undefined
}

function isDebt(value: unknown): value is Debt {
  const { peer, tokens, atMs } = (value ?? {}) as Partial<Record<keyof Debt, unknown>>
  return (
    typeof peer === 'string' &&
    typeof tokens === 'number' &&
    Number.isFinite(tokens) &&
    tokens > 0 &&
    typeof atMs === 'number' &&
    Number.isFinite(atMs)
  )
}
