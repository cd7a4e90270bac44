import type { EngineChoice } from './engine-choice.ts'
import type { Report } from './report.ts'

/**
 * @param model weights for the benchmarks that take any
 * @param choice for the benchmarks that take any engine
 */
export type Benchmark = (quick: boolean, model?: string, choice?: EngineChoice) => Promise<Report>

/** Every benchmark by the name that the README cites. Each loads its modules only when it runs. */
export const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  overhead: async () => (await import('./overhead.ts')).overhead,
  streams: async () => (await import('./streams.ts')).streams,
  start: async () => (await import('./start.ts')).start,
  resident: async () => (await import('./resident.ts')).resident,
  idle: async () => (await import('./idle.ts')).idle,
  leak: async () => (await import('./leak.ts')).leak,
  many: async () => (await import('./many.ts')).many,
  providers: async () => (await import('./providers.ts')).providers,
  recovery: async () => (await import('./recovery.ts')).recovery,
  reach: async () => (await import('./reach/reach.ts')).reach,
  relay: async () => (await import('./relay.ts')).relay,
  hedge: async () => (await import('./hedge.ts')).hedge,
  scale: async () => (await import('./scale.ts')).scale,
  affinity: async () => (await import('./affinity.ts')).affinity,
  gateway: async () => (await import('./gateway.ts')).gateway,
  batch: async () => (await import('./batch.ts')).batch,
  saturation: async () => (await import('./saturation.ts')).saturation,
  console: async () => (await import('./console.ts')).consoleLoad,
  cpu: async () => (await import('./cpu.ts')).cpu,
  roundtrips: async () => (await import('./roundtrips.ts')).roundtrips,
  detection: async () => (await import('./detection.ts')).detection,
  'detection-sampled': async () => (await import('./detection.ts')).detectionSampled,
  'detection-quantized': async () => (await import('./detection.ts')).detectionQuantized,
  operations: async () => (await import('./operations/operations.ts')).operations,
  fairness: async () => (await import('./fairness.ts')).fairness,
  faults: async () => (await import('./faults/faults.ts')).faults,
}

/** Benchmarks that `--check` does not hold to a baseline, and why. */
export const UNHELD: Readonly<Record<string, string>> = {
  providers: 'its ratio compares with 20 hosts that hold every record: 0.4 ms, less than the noise',
  reach: 'prints milliseconds and tokens a second of one machine only',
  relay: 'prints milliseconds and memory of one machine only',
  console: 'counts long tasks, which other work on the machine adds to',
  gateway: 'prints milliseconds of one machine only',
  faults: 'starts engines, and takes minutes',
  saturation: 'prints streams a second and memory of one machine only',
}
