import { CAPABILITIES, type Capability } from '../../protocol/index.ts'
import { UsageError } from '../usage-error.ts'

/** Capabilities that are always tested at the engine and cannot be declared. */
const PROVED: ReadonlySet<Capability> = new Set(['token_ids', 'score'])

/** Parses the comma-separated list of `--capabilities`. */
export function capabilityList(text: string): readonly Capability[] {
  const known = CAPABILITIES.filter((capability) => !PROVED.has(capability))
  const names = text.split(',').map((name) => name.trim())
  return names.map((name) => {
    const capability = known.find((one) => one === name)
    if (capability !== undefined) return capability
    throw new UsageError(`--capabilities: unknown capability '${name}'; known: ${known.join(', ')}`)
  })
}
