import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isNewer, publishedVersion, registryOf } from '../../../../cli/version/index.ts'

const { signal } = new AbortController()

describe('the published version', () => {
  it.each(['https://npm.example/team', 'https://npm.example/team/'])(
    'is asked of the registry %s',
    async (registry) => {
      const asked: string[] = []
      const fetch = async (url: string | URL | Request): Promise<Response> => {
        asked.push(String(url))
        return Response.json({ name: 'skein', version: '1.2.3' })
      }
      expect(await publishedVersion({ name: 'skein', registry, fetch }, { signal })).toBe('1.2.3')
      expect(asked).toEqual(['https://npm.example/team/skein/latest'])
    },
  )

  it.each([
    [
      'is offline',
      () => Promise.reject(new TypeError('fetch failed', { cause: new Error('no route') })),
      'no route',
    ],
    ['is refused', async () => new Response('', { status: 403 }), 'it answered 403'],
    ['gets a page', async () => new Response('<html>'), 'npm.example cannot be asked'],
    ['gets another answer', async () => Response.json({ version: 3 }), 'with a version'],
    ['gets a long answer', async () => new Response(' '.repeat(2 ** 21)), 'its answer is too long'],
  ])('says what to do if it %s', async (_, fetch, why) => {
    const asked = publishedVersion(
      { name: 'skein', registry: 'https://npm.example/', fetch },
      { signal },
    )
    await expect(asked).rejects.toMatchObject({ code: 'dial_failed' })
    await expect(asked).rejects.toThrow(why)
    await expect(asked).rejects.toThrow('check that this machine is online')
  })

  it.each([
    ['0.2.0', '0.1.9', true],
    ['0.10.0', '0.9.0', true],
    ['1.0.0', '1.0.0', false],
    ['1.0.0', '1.0.0-rc.1', true],
    ['1.0.0-rc.1', '1.0.0', false],
    ['0.1.0', '0.2.0', false],
    ['nonsense', '0.1.0', false],
  ])('%s is newer than %s: %s', (version, than, expected) => {
    expect(isNewer(version, than)).toBe(expected)
  })
})

describe('the registry', () => {
  it('is the one that npm would ask', async () => {
    const home = mkdtempSync(join(tmpdir(), 'skein-npmrc-'))
    onTestFinished(() => rmSync(home, { recursive: true }))
    expect(await registryOf({ HOME: home })).toBe('https://registry.npmjs.org/')
    writeFileSync(join(home, '.npmrc'), 'audit=false\nregistry = "https://of.the/user/"\n')
    expect(await registryOf({ HOME: home })).toBe('https://of.the/user/')
    expect(await registryOf({ HOME: home, npm_config_registry: 'https://of.the/shell/' })).toBe(
      'https://of.the/shell/',
    )
    expect(await registryOf({ HOME: home, npm_config_registry: 'nonsense' })).toBe(
      'https://of.the/user/',
    )
  })
})
