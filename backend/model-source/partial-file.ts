import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { InferenceError } from '../../protocol/index.ts'

const MAGIC = Buffer.from('GGUF')
const NO_MODEL = 'the server did not send a GGUF file'

/** A partial download: its bytes, their running sha256, and the version of the file they belong to. */
export class PartialFile {
  readonly #path: string
  readonly #file: FileHandle
  #hash: Hash
  #bytes: number
  /** HTTP validator of the version on disk: a strong ETag, else empty. */
  #validator: string
  #isWrong = false

  private constructor(
    path: string,
    file: FileHandle,
    state: { readonly hash: Hash; readonly bytes: number; readonly validator: string },
  ) {
    this.#path = path
    this.#file = file
    this.#hash = state.hash
    this.#bytes = state.bytes
    this.#validator = state.validator
  }

  /** Opens the remains of an earlier download of `path`. Without a validator they are dropped. */
  static async open(
    path: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<PartialFile> {
    const file = await open(`${path}.part`, 'a+')
    try {
      const validator = await readFile(`${path}.part.etag`, 'utf8').catch(() => '')
      const hash = createHash('sha256')
      let bytes = 0
      if (validator === '') await file.truncate(0)
      else {
        for await (const chunk of createReadStream(`${path}.part`, options)) {
          hash.update(chunk as Buffer)
          bytes += (chunk as Buffer).length
        }
      }
      return new PartialFile(path, file, { hash, bytes, validator })
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get bytes(): number {
    return this.#bytes
  }

  get validator(): string {
    return this.#validator
  }

  /** Restarts with another version of the file. */
  async restart(validator: string): Promise<void> {
    await this.#file.truncate(0)
    this.#hash = createHash('sha256')
    this.#bytes = 0
    this.#validator = validator
    await writeFile(`${this.#path}.part.etag`, validator)
  }

  /** @throws InferenceError `invalid_request` as soon as the bytes cannot be a GGUF file. */
  async append(chunk: Uint8Array): Promise<void> {
    for (let at = this.#bytes; at < MAGIC.length && at - this.#bytes < chunk.length; at++) {
      if (chunk[at - this.#bytes] !== MAGIC[at]) {
        throw this.refuse(NO_MODEL)
      }
    }
    this.#hash.update(chunk)
    this.#bytes += chunk.length
    await this.#file.writeFile(chunk)
  }

  /**
   * Puts the complete file in its place.
   *
   * @param source what it was downloaded from, kept beside it
   * @param expected its sha256 in hex, where it is known
   * @returns its sha256 in hex.
   * @throws InferenceError `invalid_request` if the sha256 is another one, or there is no file.
   */
  async complete(source: string, expected: string | undefined): Promise<string> {
    if (this.#bytes < MAGIC.length) throw this.refuse(NO_MODEL)
    const sha256 = this.#hash.copy().digest('hex')
    if (expected !== undefined && sha256 !== expected) {
      throw this.refuse(
        `the file that was downloaded has the sha256 ${sha256}, not ${expected}; it was removed`,
      )
    }
    await this.#file.sync()
    await this.#file.close()
    await writeFile(`${this.#path}.source`, `${source}\n`)
    await writeFile(`${this.#path}.sha256`, `${sha256}\n`)
    await rename(`${this.#path}.part`, this.#path)
    await rm(`${this.#path}.part.etag`, { force: true })
    return sha256
  }

  /** The bytes are not those of the model, and do not become right by continuing: `close` removes them. */
  refuse(why: string): InferenceError {
    this.#isWrong = true
    return new InferenceError('invalid_request', why, { details: { param: 'model' } })
  }

  /** Leaves the bytes for a later try, unless the file is empty or wrong. */
  async close(): Promise<void> {
    // Closed already after `complete`.
    await this.#file.close().catch(() => undefined)
    if (this.#bytes > 0 && !this.#isWrong) return
    await rm(`${this.#path}.part`, { force: true })
    await rm(`${this.#path}.part.etag`, { force: true })
  }
}
