import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { proxiesOf, useProxy } from '../../../cli/proxy.ts'

// A process of its own: the proxy holds for the whole process.
vi.setConfig({ testTimeout: 60_000 })

const DIRECT = 'localhost,127.0.0.1,[::1]'

describe('the proxies of an environment', () => {
  it.each<[name: string, env: Record<string, string>, proxies: object | undefined]>([
    ['need a name of their own, not only exceptions', { NO_PROXY: 'a.example' }, undefined],
    ['that are empty do not count', { HTTP_PROXY: ' ', https_proxy: '' }, undefined],
    [
      'are named in capitals, or else in lower case',
      { HTTP_PROXY: 'http://a:1', http_proxy: 'http://b:1', https_proxy: 'http://c:1' },
      { HTTP_PROXY: 'http://a:1', HTTPS_PROXY: 'http://c:1', NO_PROXY: DIRECT },
    ],
    [
      'need no scheme',
      { HTTPS_PROXY: '', https_proxy: 'proxy.example:3128' },
      { HTTPS_PROXY: 'http://proxy.example:3128', NO_PROXY: DIRECT },
    ],
    [
      'leave out what NO_PROXY lists, IPv6 addresses with and without brackets',
      { HTTP_PROXY: 'http://a:1', no_proxy: '.internal, fd00::1 [fd00::2],x.example:81' },
      {
        HTTP_PROXY: 'http://a:1',
        NO_PROXY: `.internal,[fd00::1],[fd00::2],x.example:81,${DIRECT}`,
      },
    ],
  ])('%s', (_, env, proxies) => {
    expect(proxiesOf(env)).toEqual(proxies)
  })

  it('that are no address are reported without it', () => {
    const lines: string[] = []
    const terminal = { log: (line: string) => lines.push(line) }
    useProxy({ env: { HTTPS_PROXY: 'http://anna:pw@:::' }, terminal } as never)
    expect(lines).toEqual([expect.stringMatching(/^HTTPS_PROXY: not used, because /)])
    expect(lines.join()).not.toContain('pw')
  })
})

it.skipIf(Number.parseInt(process.versions.node, 10) < 24)(
  'requests go through the proxy, but for what NO_PROXY lists and this machine',
  async () => {
    const connected: string[] = []
    const proxy = createServer()
    proxy.on('connect', ({ url = '' }, socket) => {
      connected.push(url)
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void proxy.close())
    const { port } = proxy.address() as AddressInfo
    const code = `
      import { useProxy } from './cli/proxy.ts'
      useProxy({ env: process.env, terminal: { log: console.log } })
      const urls = process.argv.slice(1)
      await Promise.allSettled(urls.map((url) => fetch(url, { signal: AbortSignal.timeout(5_000) })))
    `
    const urls = [
      'https://through.example/',
      'http://through.example:81/',
      'http://direct.invalid/',
      'http://a.direct.invalid/',
      'http://port.invalid:82/',
      'http://127.0.0.1:1/',
      'http://localhost:1/',
      'http://[::1]:1/',
    ]
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code, ...urls], {
      cwd: new URL('../../..', import.meta.url),
      env: {
        https_proxy: `127.0.0.1:${port}`,
        HTTP_PROXY: `http://127.0.0.1:${port}`,
        NO_PROXY: 'direct.invalid,.direct.invalid,port.invalid:82',
      },
    })
    expect(new Set(connected)).toEqual(new Set(['through.example:443', 'through.example:81']))
  },
)
