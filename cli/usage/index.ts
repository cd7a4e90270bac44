/**
 * What the keys of a gateway used, by day and model.
 *
 * @example
 * for (const { day, key, model, requests } of await readUsage('./gateway', 30)) {
 *   console.log(day, key, model, requests)
 * }
 *
 * @packageDocumentation
 */

export { UsageCounter } from './usage-counter.ts'
export { usageCsv } from './usage-csv.ts'
export { readUsage, UsageFile } from './usage-file.ts'
