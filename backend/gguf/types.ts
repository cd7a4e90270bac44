/** Metadata value types of the GGUF format, by their number in the file. */
export const VALUE = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const

/** Bytes of the types that have a fixed size. */
export const SCALAR_BYTES: Readonly<Record<number, number>> = {
  [VALUE.uint8]: 1,
  [VALUE.int8]: 1,
  [VALUE.bool]: 1,
  [VALUE.uint16]: 2,
  [VALUE.int16]: 2,
  [VALUE.uint32]: 4,
  [VALUE.int32]: 4,
  [VALUE.float32]: 4,
  [VALUE.uint64]: 8,
  [VALUE.int64]: 8,
  [VALUE.float64]: 8,
}

/** Tensor types of ggml: elements and bytes of one block, from `ggml-common.h` of llama.cpp. */
const TENSOR_BLOCKS: Readonly<Record<number, readonly [elements: number, bytes: number]>> = {
  0: [1, 4], // F32
  1: [1, 2], // F16
  2: [32, 18], // Q4_0
  3: [32, 20], // Q4_1
  6: [32, 22], // Q5_0
  7: [32, 24], // Q5_1
  8: [32, 34], // Q8_0
  9: [32, 36], // Q8_1
  10: [256, 84], // Q2_K
  11: [256, 110], // Q3_K
  12: [256, 144], // Q4_K
  13: [256, 176], // Q5_K
  14: [256, 210], // Q6_K
  15: [256, 292], // Q8_K
  16: [256, 66], // IQ2_XXS
  17: [256, 74], // IQ2_XS
  18: [256, 98], // IQ3_XXS
  19: [256, 50], // IQ1_S
  20: [32, 18], // IQ4_NL
  21: [256, 110], // IQ3_S
  22: [256, 82], // IQ2_S
  23: [256, 136], // IQ4_XS
  24: [1, 1], // I8
  25: [1, 2], // I16
  26: [1, 4], // I32
  27: [1, 8], // I64
  28: [1, 8], // F64
  29: [256, 56], // IQ1_M
  30: [1, 2], // BF16
  34: [256, 54], // TQ1_0
  35: [256, 66], // TQ2_0
  39: [32, 17], // MXFP4
}

/** Bytes of a tensor without padding; `undefined` for a type that is not known or does not fit the shape. */
export function tensorBytes(type: number, shape: readonly number[]): number | undefined {
  const block = TENSOR_BLOCKS[type]
  const row = shape[0]
  if (block === undefined || row === undefined || row % block[0] !== 0) return undefined
  const elements = shape.reduce((product, size) => product * size, 1)
  return (elements / block[0]) * block[1]
}

/** Names of `general.file_type`, llama.cpp's `llama_ftype`. */
const FILE_TYPES: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K_S',
  12: 'Q3_K_M',
  13: 'Q3_K_L',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
  19: 'IQ2_XXS',
  20: 'IQ2_XS',
  21: 'Q2_K_S',
  22: 'IQ3_XS',
  23: 'IQ3_XXS',
  24: 'IQ1_S',
  25: 'IQ4_NL',
  26: 'IQ3_S',
  27: 'IQ3_M',
  28: 'IQ2_S',
  29: 'IQ2_M',
  30: 'IQ4_XS',
  31: 'IQ1_M',
  32: 'BF16',
  36: 'TQ1_0',
  37: 'TQ2_0',
  38: 'MXFP4_MOE',
}

/** How a file's weights are stored, e.g. `Q4_K_M`; empty where the file does not say. */
export function quantizationName(fileType: unknown): string {
  return typeof fileType === 'number' ? (FILE_TYPES[fileType] ?? '') : ''
}
