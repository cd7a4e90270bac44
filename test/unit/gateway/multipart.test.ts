import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FormPart, readParts } from '../../../gateway/batches/multipart.ts'

const TYPE = 'multipart/form-data; boundary=B'
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const field = (name: string, value: string): string =>
  `--B\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
const file = (filename: string, content = '1'): string =>
  `--B\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\nContent-Type: text/plain\r\n\r\n${content}\r\n`
const read = (body: Uint8Array, pieceBytes = 65_536, type = TYPE): Promise<readonly FormPart[]> =>
  readParts(type, piecesOf(body, pieceBytes))
const refused = (why: RegExp) =>
  expect.objectContaining({ code: 'invalid_request', message: expect.stringMatching(why) })

async function* piecesOf(body: Uint8Array, bytes: number): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < body.length; at += bytes) yield body.subarray(at, at + bytes)
}

describe('a multipart form', () => {
  it('is read as the platform writes it, with any file content', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.string(),
        fc.integer({ min: 1, max: 500 }),
        async (content, value, pieceBytes) => {
          const form = new FormData()
          form.set('purpose', value)
          form.set('file', new Blob([Buffer.from(content)]), 'a "b"\r\n.jsonl')
          const request = new Request('http://x', { method: 'POST', body: form })
          const contentType = request.headers.get('content-type') ?? ''
          const body = new Uint8Array(await request.arrayBuffer())
          const parts = await read(body, pieceBytes, contentType)
          expect(parts.map(({ name }) => name)).toEqual(['purpose', 'file'])
          expect(parts[1]?.filename).toBe('a "b"\r\n.jsonl')
          expect([...(parts[1]?.content ?? [])]).toEqual([...content])
        },
      ),
      { numRuns: 50 },
    )
  })

  it.each([1, 2, 7, 65_536])(
    'may have an empty part, a preamble and a quoted boundary, in pieces of %i',
    async (pieceBytes) => {
      const body = bytesOf(
        `preamble\r\n${field('a', '')}${file('n', '--B\n\r\n--\r\n--A')}--B--\r\nmore`,
      )
      const parts = await read(body, pieceBytes, 'multipart/form-data; charset=utf-8; boundary="B"')
      expect(parts.map(({ content }) => Buffer.from(content).toString())).toEqual([
        '',
        '--B\n\r\n--\r\n--A',
      ])
    },
  )

  it.each([
    ['of many parts', field('f', '1').repeat(200_000)],
    ['with headers without an end', `--B\r\n${'x'.repeat(4_000_000)}`],
  ])('%s is refused before its rest is read', async (_, text) => {
    let pieces = 0
    async function* body(): AsyncGenerator<Uint8Array, void, void> {
      for await (const piece of piecesOf(bytesOf(text), 16_384)) {
        pieces += 1
        yield piece
      }
    }
    await expect(readParts(TYPE, body())).rejects.toThrow(refused(/./))
    expect(pieces).toBe(1)
  })

  it.each([
    ['of many fields', field('f', '1').repeat(200_000), /16 parts/],
    ['of many files', file('f').repeat(100_000), /16 parts/],
    ['with a file name of a megabyte', file('x'.repeat(1_000_000)), /headers/],
    ['with a file name of a kilobyte', file('x'.repeat(1_000)), /255/],
    ['with headers without an end', `--B\r\n${'x'.repeat(1_000_000)}`, /headers/],
    ['without an end', field('f', '1'), /no end/],
  ])('%s is refused', async (_, body, why) => {
    await expect(read(bytesOf(`${body}--B`))).rejects.toThrow(refused(why))
  })

  it.each(['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain', ''])(
    'is not accepted as %s',
    async (type) => {
      const form = bytesOf(`${field('a', '1')}--B--`)
      await expect(read(form, 1, type)).rejects.toThrow(refused(/multipart/))
    },
  )

  it('of any bytes is read or refused', async () => {
    const piece = fc.constantFrom(
      '--B',
      '\r\n',
      '--',
      ': ',
      'name="a"',
      'content-disposition',
      ';',
      'x',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), async (pieces) => {
        try {
          await read(bytesOf(pieces.join('')), 3)
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_request' })
        }
      }),
    )
  })
})
