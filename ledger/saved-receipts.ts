import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromString } from 'uint8arrays/from-string'
import { toString as toText } from 'uint8arrays/to-string'
import { writeAtomic } from '../host/index.ts'
import { openReceipt } from '../protocol/index.ts'
import type { ReceiptBook } from './receipt-book.ts'

const FILE = 'receipts.txt'

/** Reads the receipts of a directory, one a line, as base64. What is no receipt, or too old, is left out. */
export async function loadReceipts(
  book: ReceiptBook,
  dataDir: string,
  nowMs: number,
): Promise<void> {
  const text = await readFile(join(dataDir, FILE), 'utf8').catch(() => '')
  for (const line of text.split('\n')) {
    if (line === '') continue
    try {
      book.add(await openReceipt(fromString(line, 'base64'), nowMs))
    } catch {
      // A line cut short by a crash, or a receipt that expired.
    }
  }
}

/** Writes them, as a whole. */
export async function saveReceipts(book: ReceiptBook, dataDir: string): Promise<void> {
  const lines = book.all().map(({ bytes }) => `${toText(bytes, 'base64')}\n`)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeAtomic(join(dataDir, FILE), lines.join(''))
}
