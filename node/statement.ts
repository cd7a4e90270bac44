import type { Host } from '../host/index.ts'
import type { Gate } from './admission/index.ts'
import type { Statement } from './advertise/index.ts'
import type { InForce } from './live-settings.ts'
import type { NodeInit } from './node-init.ts'
import type { NodeStatus } from './node-status.ts'
import type { SharedModels } from './shared-models.ts'

/** What the node advertises about itself now. */
export function advertisedStatement({
  host,
  init,
  inForce,
  models,
  status,
  gate,
}: {
  readonly host: Pick<Host, 'swarmName'>
  readonly init: Pick<NodeInit, 'operator'>
  readonly inForce: Pick<InForce, 'maxTokens'>
  readonly models: SharedModels
  readonly status: NodeStatus
  readonly gate: Gate
}): Statement {
  const { slots } = gate.occupancy
  const { prefillRate, decodeRate } = gate.measured
  const engine = status.engineLoad
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
