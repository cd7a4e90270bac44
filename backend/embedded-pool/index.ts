/**
 * Several models of the embedded engine within one bound of memory, loaded by the first request or by hand.
 *
 * @example
 * await using pool = await createEmbeddedPool({ modelsDir: './models', maxMemoryBytes: 8 * 2 ** 30 })
 * await pool.manager.pull?.('hf:org/model-GGUF/model-Q4_K_M.gguf')
 * await pool.manager.load('model-q4_k_m')
 *
 * @packageDocumentation
 */
export { createEmbeddedPool, type EmbeddedPool } from './embedded-pool.ts'
export type { EmbeddedPoolInit, PoolModel } from './init.ts'
