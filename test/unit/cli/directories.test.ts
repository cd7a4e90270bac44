import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import {
  cacheHome,
  configHome,
  dataDirectories,
  dataHome,
  swarmName,
} from '../../../cli/directories.ts'

it('keeps things where XDG says, or at its defaults', () => {
  expect(dataHome({ XDG_DATA_HOME: '/data' })).toBe('/data/skein')
  expect(dataHome({ XDG_DATA_HOME: 'relative' })).toBe(`${homedir()}/.local/share/skein`)
  expect(cacheHome({})).toBe(`${homedir()}/.cache/skein`)
})

it('asks the given environment for the home directory, not that of this process', () => {
  expect(configHome({ HOME: '/home/ada' })).toBe('/home/ada/.config/skein')
  expect(dataHome({ HOME: '/home/ada' })).toBe('/home/ada/.local/share/skein')
  expect(dataHome({ HOME: 'relative' })).toBe(`${homedir()}/.local/share/skein`)
})

it('offers a node on the same machine up to 16 directories, and all clients one', () => {
  const env = { XDG_DATA_HOME: '/data' }
  const nodes = dataDirectories(env, 'node')
  expect(nodes).toHaveLength(16)
  expect(nodes.slice(0, 2)).toEqual(['/data/skein/node', '/data/skein/node-2'])
  expect(dataDirectories(env, 'client')).toEqual(['/data/skein/client'])
})

it('keeps each private swarm apart, under a name that does not give the key away', () => {
  const env = { XDG_DATA_HOME: '/data' }
  const key = new Uint8Array(95).fill(7)
  const [directory = ''] = dataDirectories(env, 'client', { swarmKey: key })
  expect(directory).toBe(`/data/skein/client-${swarmName(key)}`)
  expect(swarmName(key)).toMatch(/^[0-9a-f]{8}$/)
  expect(swarmName(key)).not.toBe(swarmName(new Uint8Array(95).fill(8)))
})

it.each([
  [{ members: 'acme' }, { members: 'acme-2' }, '/data/skein/node-2+acme'],
  [{ name: 'office' }, { name: 'office-2' }, '/data/skein/node-2@office'],
])('gives no directory of one swarm to another whose name ends in a number', (one, two, second) => {
  const env = { XDG_DATA_HOME: '/data' }
  const directories = dataDirectories(env, 'node', one)
  expect(directories[1]).toBe(second)
  expect(directories).toHaveLength(16)
  const others = new Set(dataDirectories(env, 'node', two))
  expect(directories.filter((each) => others.has(each))).toEqual([])
})

it.each(['', 'relative'])('does not keep state in the current directory for HOME=%j', (home) => {
  vi.stubEnv('HOME', home)
  try {
    expect(dataHome({})).toBe(join(userInfo().homedir, '.local/share/skein'))
  } finally {
    vi.unstubAllEnvs()
  }
})
