import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import { Link } from '../../host/direct-path/link.ts'
import { loadRtc } from '../../host/direct-path/rtc.ts'
import { InferenceError } from '../../protocol/index.ts'

/**
 * Takes all file descriptors of this process but as many as its argument says, begins a direct path, and writes what
 * becomes of it. To be started with a low `ulimit -n`.
 */

const left = Number(process.argv[2])
const rtc = await loadRtc()
if (rtc === undefined) throw new Error('node-datachannel is not installed')
const taken: number[] = []
try {
  for (;;) taken.push(openSync(devNull, 'r'))
} catch {
  for (const descriptor of taken.splice(taken.length - left)) closeSync(descriptor)
}
let outcome = 'described'
try {
  const link = new Link({ rtc, stun: [] })
  await link.describe('offer', { signal: AbortSignal.timeout(10_000) }).finally(() => link.close())
} catch (error) {
  outcome = InferenceError.is(error) ? `${error.code}: ${error.message}` : String(error)
}
for (const descriptor of taken) closeSync(descriptor)
process.stdout.write(`${outcome}\n`)
