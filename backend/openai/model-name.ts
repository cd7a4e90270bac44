const QUANTIZATION_SUFFIX = /[-._](i?q\d\w*|b?f16|f32|fp16|mxfp4)$/i

/** llama-server names a model by its file path, which stays private. */
export function shortName(name: string): string {
  if (!/\.gguf$/i.test(name)) return name
  return name.replace(/^.*[\\/]/, '').replace(/\.gguf$/i, '')
}

/** A file's name without its quantization, so that a model has the same id at every engine. */
export function plainName(name: string): string {
  return shortName(name) === name ? name : shortName(name).replace(QUANTIZATION_SUFFIX, '')
}
