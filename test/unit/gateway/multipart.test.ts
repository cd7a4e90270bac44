import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readParts } from '../../../gateway/batches/multipart.ts'

const TYPE = 'multipart/form-data; boundary=B'
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const field = (name: string, value: string): string =>
  `--B\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
const file = (filename: string, content = '1'): string =>
  `--B\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\nContent-Type: text/plain\r\n\r\n${content}\r\n`
const refused = (why: RegExp) =>
  expect.objectContaining({ code: 'invalid_request', message: expect.stringMatching(why) })

describe('a multipart form', () => {
  it('is read as the platform writes it, with any file content', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.string(), async (content, value) => {
        const form = new FormData()
        form.set('purpose', value)
        form.set('file', new Blob([Buffer.from(content)]), 'a "b"\r\n.jsonl')
        const request = new Request('http://x', { method: 'POST', body: form })
        const contentType = request.headers.get('content-type') ?? ''
        const parts = readParts(contentType, new Uint8Array(await request.arrayBuffer()))
        expect(parts.map(({ name }) => name)).toEqual(['purpose', 'file'])
        expect(parts[1]?.filename).toBe('a "b"\r\n.jsonl')
        expect([...(parts[1]?.content ?? [])]).toEqual([...content])
      }),
      { numRuns: 50 },
    )
  })

  it('may have an empty part, a preamble and a quoted boundary', () => {
    const parts = readParts(
      'multipart/form-data; charset=utf-8; boundary="B"',
      bytesOf(`preamble\r\n${field('a', '')}${file('n', '--B\n--Bx')}--B--\r\n`),
    )
    expect(parts.map(({ content }) => content.length)).toEqual([0, 8])
  })

  it.each([
    ['of many fields', field('f', '1').repeat(200_000), /16 parts/],
    ['of many files', file('f').repeat(100_000), /16 parts/],
    ['with a file name of a megabyte', file('x'.repeat(1_000_000)), /headers/],
    ['with a file name of a kilobyte', file('x'.repeat(1_000)), /255/],
    ['with headers without an end', `--B\r\n${'x'.repeat(1_000_000)}`, /no headers/],
  ])('%s is refused', (_, body, why) => {
    expect(() => readParts(TYPE, bytesOf(`${body}--B--\r\n`))).toThrow(refused(why))
  })

  it.each(['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain', ''])(
    'is not accepted as %s',
    (type) => {
      expect(() => readParts(type, bytesOf(`${field('a', '1')}--B--`))).toThrow(
        refused(/multipart/),
      )
    },
  )

  it('of any bytes is read or refused', () => {
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
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        try {
          readParts(TYPE, bytesOf(pieces.join('')))
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_request' })
        }
      }),
    )
  })
})
