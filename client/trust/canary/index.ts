export { Canaries, type CanaryMode, parseCanaryMode } from './canaries.ts'
