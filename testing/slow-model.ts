import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server with one model, which stops halfway until it is told to go on. */
export interface SlowModel extends AsyncDisposable {
  /** Of the model. */
  readonly url: string
  /** Sends the rest, to those that wait and to later ones. */
  release(): void
}

/** @param path a GGUF file */
export async function serveSlowModel(path: string): Promise<SlowModel> {
  const model = await readFile(path)
  const half = Math.floor(model.length / 2)
  const released = Promise.withResolvers<void>()
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': model.length, etag: '"1"' })
    response.write(model.subarray(0, half))
    void released.promise.then(() => response.end(model.subarray(half)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/skein-tiny-q8_0.gguf`,
    release: () => released.resolve(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
