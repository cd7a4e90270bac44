import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromString } from 'uint8arrays/from-string'
import { toString as toText } from 'uint8arrays/to-string'
import { openReceipt } from '../protocol/index.ts'
import { makeDirectory, writeAtomic } from '../storage/index.ts'
import type { ReceiptBook } from './receipt-book.ts'

const FILE = 'receipts.txt'

/** Reads the receipts of a directory, one per line, as base64. Invalid and expired ones are skipped. */
export async function loadReceipts(
  book: ReceiptBook,
  dataDir: string,
  nowMs: number,
): Promise<void> {
  const text = await readFile(join(dataDir, FILE), 'utf8').catch(() => '')
  // Verifying signatures is expensive, and those in the book were verified.
  const known = new Set(linesOf(book))
  for (const line of text.split('\n')) {
    if (line === '' || known.has(line)) continue
    try {
      book.add(await openReceipt(fromString(line, 'base64'), nowMs))
    } catch {
      // A line cut short by a crash, or a receipt that expired.
    }
  }
}

/**
 * Writes all receipts atomically, merged with those that another process of this user wrote meanwhile.
 *
 * @returns the book's changes up to which it was written
 */
export async function saveReceipts(
  book: ReceiptBook,
  dataDir: string,
  nowMs: number,
): Promise<number> {
  await loadReceipts(book, dataDir, nowMs)
  const lines = linesOf(book)
  const { changes } = book
  await makeDirectory(dataDir)
  await writeAtomic(join(dataDir, FILE), lines.map((line) => `${line}\n`).join(''))
  return changes
}

const linesOf = (book: ReceiptBook): string[] =>
  book.all().map(({ bytes }) => toText(bytes, 'base64'))
