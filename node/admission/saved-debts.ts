import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory, writeAtomic } from '../../storage/index.ts'
import { every, systemClock } from '../../timing/index.ts'
import type { Debt, Fairness } from './fairness.ts'

const FILE = 'debts.json'
/** Interval of writes: a crash loses at most this much. */
const SAVE_EVERY_MS = 600_000

/**
 * Saves the debts of clients in a directory, for as long as the receipts they are held against: without it, each
 * restart would renew every client's credit. Read at the start, written every ten minutes and at the end.
 *
 * @param dataDir absent: nothing is kept
 */
export async function keepDebts(
  fairness: Fairness,
  dataDir: string | undefined,
): Promise<AsyncDisposable> {
  if (dataDir === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() }
  const path = join(dataDir, FILE)
  fairness.restore(parsed(await readFile(path, 'utf8').catch(() => '[]')))
  let written = fairness.changes
  // A full disk must not end the node: the debts stay in memory.
  const save = async (): Promise<void> => {
    const { changes } = fairness
    if (changes === written) return
    try {
      await makeDirectory(dataDir)
      await writeAtomic(path, JSON.stringify(fairness.debts()))
      written = changes
    } catch {}
  }
  const timer = every(systemClock, SAVE_EVERY_MS, () => void save())
  return {
    async [Symbol.asyncDispose]() {
      timer[Symbol.dispose]()
      await save()
    },
  }
}

/** Skips invalid entries: a truncated or edited file must not keep a node from starting. */
function parsed(text: string): readonly Debt[] {
  try {
    const saved: unknown = JSON.parse(text)
    return Array.isArray(saved) ? saved.filter(isDebt) : []
  } catch {
    return []
  }
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
