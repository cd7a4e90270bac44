import { randomFillSync } from 'node:crypto'

const POOL = Buffer.allocUnsafe(4_096)
let used: number = POOL.length

/** Unpredictable bytes, drawn from the system by the page: a call for each id costs more than the id is worth. */
export function drawBytes(count: number): Uint8Array {
  const at = reserve(count)
  return new Uint8Array(POOL.subarray(at, at + count))
}

/** Like {@link drawBytes}, in hexadecimal digits, two for each byte. */
export function drawHex(count: number): string {
  const at = reserve(count)
  return POOL.toString('hex', at, at + count)
}

function reserve(count: number): number {
  if (count > POOL.length) throw new RangeError(`at most ${POOL.length} bytes at a time`)
  if (used + count > POOL.length) {
    randomFillSync(POOL)
    used = 0
  }
  const at = used
  used += count
  return at
}
