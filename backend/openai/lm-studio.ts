import { asArray, asNumber, asRecord, asString } from '../http/index.ts'
import type { Json } from './catalog-subject.ts'

export function studioSizes(
  details: Json,
  name: string,
): { contextLength: number; quantization: string } {
  const { quantization, loaded_instances: instances } = studioModel(details, name) ?? {}
  const loaded = asArray(instances).map(asRecord)
  const { config } = loaded.find(({ id }) => id === name) ?? loaded[0] ?? {}
  const { context_length: contextLength } = asRecord(config)
  const { name: quantizationName } = asRecord(quantization)
  return { contextLength: asNumber(contextLength), quantization: asString(quantizationName) }
}

export function isLoaded(details: Json, name: string): boolean {
  const { loaded_instances: instances } = studioModel(details, name) ?? {}
  return asArray(instances).length > 0
}

/** LM Studio's entry of a model, by its name or that of a loaded instance. */
export function studioModel({ models }: Json, name: string): Json | undefined {
  return asArray(models)
    .map(asRecord)
    .find(
      ({ key, loaded_instances: instances }) =>
        key === name ||
        asArray(instances)
          .map(asRecord)
          .some(({ id }) => id === name),
    )
}
