/**
 * Trials of what an engine can do, run beside its requests: what is proved can be offered at once, and an engine that is
 * slow or still warming up is tried until there is a verdict.
 *
 * @example
 * function capabilitiesSoFar(trials: Trials, accepts: Trial<boolean>): string[] {
 *   return trials.ask('model', 'tools', accepts) === true ? ['chat', 'tools'] : ['chat']
 * }
 *
 * @packageDocumentation
 */
export { FirstTrials } from './first-trials.ts'
export { type AskTrial, type Traits, type Trial, Trials } from './trials.ts'
