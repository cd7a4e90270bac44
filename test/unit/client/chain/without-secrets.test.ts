import { describe, expect, it } from 'vitest'
import { withoutSecrets } from '../../../../client/chain/without-secrets.ts'

const KEY = 'sk-secret-0123456789abcdefghijKLMN'
const forms: readonly [name: string, text: string][] = [
  ['as it is', KEY],
  ['in upper case', KEY.toUpperCase()],
  ['reversed', [...KEY].reverse().join('')],
  ['without its beginning', KEY.slice(5)],
  ['without its end', KEY.slice(0, 20)],
  ['in base64', Buffer.from(KEY).toString('base64')],
  ['in base64 behind a word', Buffer.from(`Bearer ${KEY}`).toString('base64url')],
  ['in base64 behind a name', Buffer.from(`u:${KEY}`).toString('base64')],
  ['in hex', Buffer.from(KEY).toString('hex')],
  ['over two lines', `${KEY.slice(0, 12)}\n${KEY.slice(12)}`],
  ['with spaces between', [...KEY].join(' ')],
  ['with zero-width spaces between', [...KEY].join('\u200b')],
]

describe('a provider’s key', () => {
  it.each(forms)('is blanked out %s', (_, form) => {
    const told = withoutSecrets(`bad key ${form}, try again`, [KEY])
    expect(told).toContain('***')
    // A few characters at its edges may be somebody else's in base64.
    expect(told.length).toBeLessThan(withoutSecrets(`bad key ${'-'.repeat(28)}`, [KEY]).length)
  })

  it('is blanked out if the end of the text cuts it off', () => {
    for (let length = 4; length < KEY.length; length += 1) {
      expect(withoutSecrets(`bad key ${KEY.slice(0, length)}`, [KEY])).toBe('bad key ***')
    }
  })

  it('with special characters is blanked out in URL encoding', () => {
    const key = 'p@ss/w+rd&key=1234'
    expect(withoutSecrets(`at ?k=${encodeURIComponent(key)}`, [key])).toBe('at ?k=***')
  })

  it('leaves other text unchanged', () => {
    const text = 'model not found: choose another\nor none'
    expect(withoutSecrets(text, [KEY, 'abc', ''])).toBe(text)
  })
})
