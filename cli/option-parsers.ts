import { peerIdFromString } from '@libp2p/peer-id'
import { InvalidArgumentError } from 'commander'

/** The part of JSON Schema that describes one option's value. */
export interface ValueSchema {
  readonly type: 'string' | 'number' | 'integer'
  readonly minimum?: number
  readonly maximum?: number
}

/** Parses an option's text. The schema, a string unless stated, describes the value in a configuration file. */
export interface Parser<T> {
  (text: string): T
  readonly schema?: ValueSchema
}

/** Parses an option that may be given several times. */
export interface ListParser<T> {
  (text: string, previous?: readonly T[]): T[]
  readonly item: Parser<T>
  /** Between the values of one environment variable. */
  readonly separator: RegExp
}

/** @param separator of values in an environment variable. Default: commas and spaces */
export function repeatable<T>(item: Parser<T>, separator: RegExp = /[\s,]+/): ListParser<T> {
  const parse = (text: string, previous: readonly T[] = []): T[] => [...previous, item(text)]
  return Object.assign(parse, { item, separator })
}

/** For repeatable options. */
export const addValue: ListParser<string> = repeatable((text) => text)

/** For options that take a peer id. */
export function peerId(text: string): string {
  try {
    return peerIdFromString(text).toString()
  } catch {
    throw new InvalidArgumentError(
      'It must be a full peer id, as `skein peers` prints it: 12D3Koo….',
    )
  }
}

/** For repeatable options whose values are peer ids. */
export const addPeer: ListParser<string> = repeatable(peerId)

/** For options that take a name of something. */
export function nonEmptyText(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  return text
}

/** For options that take a whole number from `min` to `max`. */
export function wholeNumber(min: number, max?: number): Parser<number> {
  const range = max === undefined ? `${min} or more` : `${min} to ${max}`
  const parse = (text: string): number => {
    const number = Number(text)
    const isInside = number >= min && number <= (max ?? Number.MAX_SAFE_INTEGER)
    if (!Number.isSafeInteger(number) || !isInside || text.trim() === '') {
      throw new InvalidArgumentError(`It must be a whole number, ${range}.`)
    }
    return number
  }
  const maximum = max === undefined ? {} : { maximum: max }
  return Object.assign(parse, { schema: { type: 'integer', minimum: min, ...maximum } as const })
}

const SIZE = /^(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?$/i

/** For options that take an amount of memory, such as 8G or 512M, by powers of 1024. */
export function byteSize(text: string): number {
  const [, amount, unit = ''] = SIZE.exec(text.trim()) ?? []
  const bytes = Math.round(Number(amount) * 1_024 ** ('KMGT'.indexOf(unit.toUpperCase()) + 1))
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes
  throw new InvalidArgumentError('It must be an amount with a unit, such as 512M or 8G.')
}

/** For options that take any number in a range. */
export function numberBetween(min: number, max: number): Parser<number> {
  const parse = (text: string): number => {
    const number = Number(text)
    if (!(number >= min && number <= max) || text.trim() === '') {
      throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`)
    }
    return number
  }
  return Object.assign(parse, { schema: { type: 'number', minimum: min, maximum: max } as const })
}

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** For options that take a length of time: `90s`, `30m`, `12h`, `7d`. @returns milliseconds */
export function durationMs(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text.trim()) ?? []
  const ms = Number(number) * (UNITS_MS[unit as keyof typeof UNITS_MS] ?? 0)
  if (ms > 0) return ms
  throw new InvalidArgumentError('It must be a length of time: 90s, 30m, 12h or 7d.')
}
