/**
 * The commands, one a file. Each is made with a runtime that gives it its session and takes its exit code.
 *
 * @example
 * import { Command } from 'commander'
 * import type { Runtime } from '../runtime.ts'
 *
 * const program = (runtime: Runtime): Command => new Command('skein').addCommand(askCommand(runtime))
 *
 * @packageDocumentation
 */
export { askCommand } from './ask.ts'
export { batchCommand } from './batch.ts'
export { bootstrapCommand } from './bootstrap.ts'
export { chatCommand } from './chat.ts'
export { demoCommand } from './demo.ts'
export { doctorCommand } from './doctor.ts'
export { gatewayCommand } from './gateway.ts'
export { modelsCommand, renderModels } from './models.ts'
export { nodeCommand } from './node.ts'
export { peersCommand, renderPeers } from './peers.ts'
export { reputationCommand } from './reputation.ts'
export { renderStatus, statusCommand } from './status.ts'
export { swarmCommand } from './swarm.ts'
