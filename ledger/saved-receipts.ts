import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromString } from 'uint8arrays/from-string'
import { toString as toText } from 'uint8arrays/to-string'
import { openReceipt } from '../protocol/index.ts'
import { codeOf, makeDirectory, reportDamage, writeAtomic } from '../storage/index.ts'
import type { ReceiptBook } from './receipt-book.ts'

const FILE = 'receipts.txt'

/** Base64 of a whole receipt; shorter or other text is damage, where an expired receipt is skipped. */
const LINE = /^[A-Za-z0-9+/]{100,}={0,2}$/

/**
 * Reads the receipts of a directory, one per line, as base64. Invalid and expired ones are skipped. The file has no
 * version of its own: its lines are receipts as they travel, and those of another form are invalid here as on the wire.
 *
 * @param onFault receives a message for the operator if the file is damaged, which is then set aside. @default none
 * @returns whether the file was set aside
 */
export async function loadReceipts(
  book: ReceiptBook,
  dataDir: string,
  nowMs: number,
  onFault?: (message: string) => void,
): Promise<boolean> {
  const path = join(dataDir, FILE)
  // A directory in its place is damage as well.
  const text = await readFile(path, 'utf8').catch((error) =>
    codeOf(error) === 'EISDIR' ? '?' : '',
  )
  // Verifying signatures is expensive, and those in the book were verified.
  const known = new Set(linesOf(book))
  const lines = text.split('\n').filter((line) => line !== '')
  for (const line of lines) {
    if (known.has(line)) continue
    try {
      book.add(await openReceipt(fromString(line, 'base64'), nowMs))
    } catch {
      // A damaged line, or a receipt that expired.
    }
  }
  const isWhole = text === '' || (text.endsWith('\n') && lines.every((line) => LINE.test(line)))
  if (onFault === undefined || isWhole) return false
  const consequence = `the ${linesOf(book).length} valid receipts in it are used`
  await reportDamage(path, { consequence, onFault })
  return true
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
