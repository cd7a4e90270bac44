/**
 * Services: what systemd and launchd need to keep a command running.
 *
 * @example
 * const unit = systemdUnit({ role: 'node', scope: 'user', command: ['/usr/bin/skein', 'node'] })
 *
 * @packageDocumentation
 */
export { SERVICE_ROLES, type Service, type ServiceRole } from './service.ts'
export { giveSignsOfLife } from './signs-of-life.ts'
export { type Supervisor, supervisorOf } from './supervisors.ts'
export { systemdUnit } from './systemd-unit.ts'
