/**
 * Coding agents and how each is pointed to a gateway, by its environment and arguments alone.
 *
 * @example
 * function environmentOf(agent: string): Readonly<Record<string, string>> | undefined {
 *   return AGENTS[agent]?.({ url: 'http://127.0.0.1:4810', model: 'm', key: 'none' }).env
 * }
 *
 * @packageDocumentation
 */
export { AGENTS, type AgentTarget, type LaunchPlan } from './agents.ts'
export { gatewayModel } from './gateway-model.ts'
