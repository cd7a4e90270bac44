import type { Host } from '../host/index.ts'
import { openScope } from '../timing/index.ts'
import type { Gate } from './admission/index.ts'
import type { Statement } from './advertise/index.ts'
import type { InForce } from './live-settings.ts'
import type { NodeInit } from './node-init.ts'
import type { NodeStatus } from './node-status.ts'
import type { SharedModels } from './shared-models.ts'

/** An engine that hangs must not delay an advertisement, the withdrawal least of all. */
const ENGINE_RATES_TIMEOUT_MS = 2_000

/** What the node advertises about itself now. */
export async function advertisedStatement({
  host,
  init,
  inForce,
  models,
  status,
  gate,
}: {
  readonly host: Pick<Host, 'swarmName'>
  readonly init: Pick<NodeInit, 'backend' | 'operator'>
  readonly inForce: Pick<InForce, 'maxTokens'>
  readonly models: SharedModels
  readonly status: NodeStatus
  readonly gate: Gate
}): Promise<Statement> {
  const { slots } = gate.occupancy
  const { prefillRate, decodeRate } = gate.measured
  using scope = openScope({ timeoutMs: ENGINE_RATES_TIMEOUT_MS })
  const engine = await init.backend.load({ signal: scope.signal }).catch(() => undefined)
  return {
    // A node without its engine serves no model.
    models: status.engineGone ? [] : models.all(),
    slots,
    // The engine's own figure if it measures one, else the node's.
    prefillRate: engine?.prefillRate || prefillRate,
    decodeRate: engine?.decodeRate || decodeRate,
    ...(engine?.coldStartMs !== undefined && { coldStartMs: engine.coldStartMs }),
    maxTokens: inForce.maxTokens,
    operator: init.operator ?? '',
    ...(host.swarmName !== '' && { swarmName: host.swarmName }),
  }
}
