import { randomBytes } from 'node:crypto'
import { open, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import * as z from 'zod'
import { InferenceError } from '../../protocol/index.ts'
import { makeDirectory } from '../../storage/index.ts'
import { Records, type StoredRecord } from './records.ts'

/** A stored file. */
export interface StoredFile extends StoredRecord {
  /** Seconds since 1970; results are kept until they are deleted. */
  readonly expires_at?: number | undefined
  readonly filename: string
  readonly bytes: number
  readonly purpose: 'batch' | 'batch_output'
}

const schema: z.ZodType<StoredFile> = z.object({
  id: z.string().regex(/^file-[0-9a-f]{24}$/),
  owner: z.string(),
  created_at: z.number(),
  expires_at: z.number().optional(),
  filename: z.string(),
  bytes: z.number(),
  purpose: z.enum(['batch', 'batch_output']),
})

/** OpenAI keeps the files of batches for 30 days. */
const KEPT_SECONDS = 2_592_000

export interface FileStoreInit {
  readonly directory: string
  readonly maxFilesBytes: number
  readonly maxFiles: number
  /** Receives messages for the operator: a record is damaged. */
  readonly log: (message: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Files on disk: uploads of callers and results of batches. */
export class FileStore {
  readonly #init: FileStoreInit
  readonly #records: Records<StoredFile>

  private constructor(init: FileStoreInit, records: Records<StoredFile>) {
    this.#init = init
    this.#records = records
  }

  static async open(init: FileStoreInit): Promise<FileStore> {
    await makeDirectory(join(init.directory, 'content'))
    const records = await Records.open(
      join(init.directory, 'files'),
      (value) => schema.safeParse(value).data,
      init.log,
    )
    return new FileStore(init, records)
  }

  get(id: string, owner: string): StoredFile | undefined {
    return this.#records.get(id, owner)
  }

  of(owner: string): readonly StoredFile[] {
    return this.#records.of(owner)
  }

  pathOf(id: string): string {
    return join(this.#init.directory, 'content', `${id}.jsonl`)
  }

  /** Whether its content is on disk. */
  async hasContent(id: string): Promise<boolean> {
    return await stat(this.pathOf(id)).then(
      (found) => found.isFile(),
      () => false,
    )
  }

  /** @throws InferenceError `over_capacity` if the store is full; disk errors, with nothing left behind */
  async add(
    content: Uint8Array,
    about: Pick<StoredFile, 'filename' | 'owner'>,
  ): Promise<StoredFile> {
    await this.#expire()
    this.#makeSure(content.byteLength)
    const created_at = this.#seconds()
    const file: StoredFile = {
      ...about,
      id: newFileId(),
      created_at,
      expires_at: created_at + KEPT_SECONDS,
      bytes: content.byteLength,
      purpose: 'batch',
    }
    try {
      await writeFile(this.pathOf(file.id), content, { mode: 0o600 })
      await this.#records.put(file)
    } catch (error) {
      await rm(this.pathOf(file.id), { force: true })
      throw error
    }
    return file
  }

  /** Registers a file that was written already, unless it is empty. @returns whether it was registered */
  async addResults(id: string, about: Pick<StoredFile, 'filename' | 'owner'>): Promise<boolean> {
    const bytes = await sizeOf(this.pathOf(id))
    if (bytes === 0) {
      await rm(this.pathOf(id), { force: true })
      return false
    }
    const created_at = this.#seconds()
    await this.#records.put({ ...about, id, created_at, bytes, purpose: 'batch_output' })
    return true
  }

  async delete(id: string): Promise<void> {
    await this.#records.delete(id)
    await rm(this.pathOf(id), { force: true })
  }

  /** The content of a file, read on demand. */
  async content({ id, bytes }: StoredFile): Promise<ReadableStream<Uint8Array>> {
    const file = await open(this.pathOf(id), 'r')
    if (bytes === 0) {
      await file.close()
      return new Blob([]).stream()
    }
    return Readable.toWeb(file.createReadStream({ end: bytes - 1 })) as ReadableStream<Uint8Array>
  }

  async #expire(): Promise<void> {
    const now = this.#seconds()
    for (const { id, expires_at } of this.#records.all()) {
      if (expires_at !== undefined && expires_at <= now) await this.delete(id)
    }
  }

  #makeSure(more: number): void {
    const { maxFiles, maxFilesBytes } = this.#init
    const used = this.#records.all().reduce((sum, { bytes }) => sum + bytes, 0)
    if (this.#records.size < maxFiles && used + more <= maxFilesBytes) return
    throw new InferenceError(
      'over_capacity',
      `this gateway stores at most ${maxFiles} files and ${maxFilesBytes} bytes in total: delete some`,
    )
  }

  #seconds(): number {
    return Math.floor(this.#init.now() / 1_000)
  }
}

export function newFileId(): string {
  return `file-${randomBytes(12).toString('hex')}`
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
