import { fileURLToPath } from 'node:url'

/** The model that comes with the package. */
export const BUNDLED_MODEL: string = fileURLToPath(
  new URL('../models/skein-tiny-q8_0.gguf', import.meta.url),
)
