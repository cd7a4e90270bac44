import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ChainSources,
  expandChain,
  readAliases,
} from '../../../../client/chain/expand-chain.ts'
import {
  describeMember,
  labelOf,
  memberKey,
  type NamedMember,
} from '../../../../client/chain/member.ts'
import { namedChain } from '../../../../client/chain/named-chain.ts'

const NONE: ChainSources = { aliases: new Map(), providers: [] }
const CLOUDS: ChainSources['providers'] = [
  { name: 'lan', models: ['Qwen/Qwen2.5:7B', 'tiny'], place: 'first' },
  { name: 'cloud', models: ['big', 'qwen/qwen2.5:7b'], place: 'last' },
  { name: 'bare', place: 'first' },
]

const shown = (texts: readonly string[], sources: ChainSources = NONE) =>
  expandChain(texts, sources).map((member) => `${member.type} ${describeMember(member)}`)

describe('expandChain', () => {
  it('splits ids at commas, in order, without duplicates', () => {
    expect(shown([' deepseek-v3 ,llama3.3:70b,, DeepSeek-V3:latest', 'x'])).toEqual([
      'network deepseek-v3',
      'network llama3.3:70b',
      'network x',
    ])
  })

  it('recognizes a provider’s model by its prefix, whatever slashes follow', () => {
    const sources = { ...NONE, providers: CLOUDS }
    expect(shown(['Cloud/org/Model', 'other/Model'], sources)).toEqual([
      'provider cloud/org/Model',
      'network other/Model',
    ])
    expect(() => shown(['cloud/'], sources)).toThrow(/but no model/)
  })

  it('puts providers that list a plain id before or after the network', () => {
    const members = expandChain(['qwen/qwen2.5:7b'], { ...NONE, providers: CLOUDS })
    expect(members.map(memberKey)).toEqual([
      'provider/lan/Qwen/Qwen2.5:7B',
      'network/qwen/qwen2.5:7b',
      'provider/cloud/qwen/qwen2.5:7b',
    ])
    const labels = members.map((member) => labelOf(member as NamedMember))
    expect(new Set(labels)).toEqual(new Set(['qwen/qwen2.5:7b']))
  })

  it('asks only the network for pinned weights', () => {
    const pinned = `big@sha256:${'0'.repeat(64)}`
    expect(shown([pinned], { ...NONE, providers: CLOUDS })).toEqual([`network ${pinned}`])
    expect(() => shown(['big@sha256:0'])).toThrow(/not a digest/)
  })

  it('expands auto to the network and each provider’s first model', () => {
    expect(shown(['AUTO'], { ...NONE, providers: CLOUDS })).toEqual([
      'provider lan/Qwen/Qwen2.5:7B',
      'auto auto',
      'provider cloud/big',
    ])
  })

  it('replaces aliases, however they are written', () => {
    const aliases = readAliases({ Best: 'big,fast', fast: 'tiny,auto' }, [])
    expect(shown(['best', 'tiny'], { aliases, providers: [] })).toEqual([
      'network big',
      'network tiny',
      'auto auto',
    ])
  })

  it('expands deeply nested aliases in linear time', () => {
    const names = Array.from({ length: 60 }, (_, at) => `a${at}`)
    const aliases = Object.fromEntries(
      names.map((name, at) => [name, at === 59 ? 'end' : `a${at + 1},a${at + 1}`]),
    )
    expect(shown(['a0'], { aliases: readAliases(aliases, []), providers: [] })).toEqual([
      'network end',
    ])
  })

  it.each([
    ['', /no model is named/],
    [' , ', /no model is named/],
    [Array.from({ length: 17 }, (_, at) => `m${at}`).join(','), /at most 16 models/],
    ['x'.repeat(5_000), /at most 4096 characters/],
    ['x'.repeat(300), /1 to 256 characters/],
  ])('rejects invalid chain %#', (text, message) => {
    expect(() => shown([text])).toThrow(message)
    expect(() => shown([text])).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })

  it('returns each member once, in the order of first mention, for any names', () => {
    const name = fc.constantFrom('a', 'b', 'A:latest', 'auto', 'fast', 'cloud/x', 'lan/y', 'big')
    const aliases = readAliases({ fast: 'b,auto,cloud/x' }, CLOUDS)
    const sources = { aliases, providers: CLOUDS }
    void fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 30 }), (names) => {
        const keys = expandChain(names, sources).map(memberKey)
        expect(new Set(keys).size).toBe(keys.length)
        // One text of many names is the same as many texts.
        expect(expandChain([names.join(' , ')], sources).map(memberKey)).toEqual(keys)
        // What is named later adds nothing before what was there.
        const fewer = expandChain(names.slice(0, -1).concat(names[0] ?? 'a'), sources)
        expect(keys.slice(0, fewer.length)).toEqual(fewer.map(memberKey))
      }),
    )
  })
})

describe('readAliases', () => {
  it.each([
    [{ a: 'b', b: 'c,a' }, /is circular: a → b → a/],
    [{ llama: 'llama,auto' }, /is circular/],
    [{ auto: 'a' }, /cannot be an alias/],
    [{ 'a,b': 'c' }, /cannot be an alias/],
    [{ ' ': 'c' }, /cannot be an alias/],
    [{ a: '' }, /no model is named/],
  ])('refuses %o', (aliases, message) => {
    expect(() => readAliases(aliases as Record<string, string>, [])).toThrow(message)
  })
})

describe('namedChain', () => {
  it('returns a request for one model unchanged', () => {
    const body = { model: ' M:latest ', messages: [] }
    const chain = namedChain(body, NONE)
    expect(chain?.body).toBe(body)
    expect(chain).toMatchObject({ asked: ' M:latest ', members: [{ model: ' M:latest ' }] })
  })

  it('reads models after model, and removes both from the request', () => {
    const chain = namedChain({ model: 'a,b', models: ['c', 'auto'], seed: 1 }, NONE)
    expect(chain?.asked).toBe('a,b,c,auto')
    expect(chain?.members.map(memberKey)).toEqual(['network/a', 'network/b', 'network/c', 'auto'])
    expect(chain?.body).toEqual({ model: 'a', seed: 1 })
  })

  it('accepts models without model', () => {
    expect(namedChain({ models: ['a', 'b'] }, NONE)).toMatchObject({ body: { model: 'a' } })
  })

  it.each([[null], [undefined], ['text'], [{ model: 5 }], [{}], [{ model: '' }]])(
    'leaves %o for the request’s own validation',
    (body) => {
      expect(namedChain(body, NONE)).toBeUndefined()
    },
  )

  it.each([[{ model: 'a', models: 'b' }], [{ model: 'a', models: [5] }]])(
    'refuses models that are no list of names: %o',
    (body) => {
      expect(() => namedChain(body, NONE)).toThrow(
        expect.objectContaining({ code: 'invalid_request', details: { param: 'models' } }),
      )
    },
  )
})
