/** Environment of a vLLM on a small machine without a GPU, which has no network and a home of its own. */
export function vllmOnCpu(_port: number, folder: string): Readonly<Record<string, string>> {
  return {
    HOME: folder,
    OMP_NUM_THREADS: '1',
    VLLM_CPU_KVCACHE_SPACE: '1',
    VLLM_CPU_OMP_THREADS_BIND: 'nobind',
    VLLM_NO_USAGE_STATS: '1',
    HF_HUB_OFFLINE: '1',
    TORCH_COMPILE_DISABLE: '1',
  }
}
