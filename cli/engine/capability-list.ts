import { CAPABILITIES, type Capability } from '../../protocol/index.ts'
import { UsageError } from '../usage-error.ts'

/** Proved at each engine, and never by somebody's word. */
const PROVED: ReadonlySet<Capability> = new Set(['token_ids', 'score'])

/** Capabilities apart by commas, as `--capabilities` takes them. */
export function capabilityList(text: string): readonly Capability[] {
  const known = CAPABILITIES.filter((capability) => !PROVED.has(capability))
  const names = text.split(',').map((name) => name.trim())
  return names.map((name) => {
    const capability = known.find((one) => one === name)
    if (capability !== undefined) return capability
    throw new UsageError(`--capabilities: '${name}' is unknown; there are ${known.join(', ')}`)
  })
}
