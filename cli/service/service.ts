/** Commands that run until they are stopped, and so can be services. */
export const SERVICE_ROLES = ['up', 'node', 'gateway', 'bootstrap'] as const
export type ServiceRole = (typeof SERVICE_ROLES)[number]

/** Whose service it is: of the machine, or of one user, who may have to stay logged in. */
export type ServiceScope = 'system' | 'user'

/** A command of Skein's that a supervisor keeps running. */
export interface Service {
  readonly role: ServiceRole
  readonly scope: ServiceScope
  /** Executable and arguments. */
  readonly command: readonly [string, ...string[]]
}

/** E.g. `skein-node`. */
export function serviceName(role: ServiceRole): string {
  return `skein-${role}`
}
