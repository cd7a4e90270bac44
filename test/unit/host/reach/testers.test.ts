import { type Connection, type IdentifyResult, TypedEventEmitter } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Testers, type TestersInit, watchTesters } from '../../../../host/reach/testers.ts'
import { PROTOCOLS } from '../../../../protocol/index.ts'

const BOOTSTRAP = 'bootstrap'

describe('where peers outside see a host', () => {
  const events = new TypedEventEmitter()
  let testers: Testers
  let changes: number

  beforeEach(() => {
    changes = 0
    testers = watchTesters({
      libp2p: events as unknown as TestersInit['libp2p'],
      isTrusted: (peer) => peer === BOOTSTRAP,
      ownIps: () => new Set(['44.0.0.3']),
      signal: new AbortController().signal,
      onChange: () => {
        changes += 1
      },
    })
  })

  /** A peer at 45.0.0.x reports an address. */
  const report = (peer: string, ip: string, at: number): Connection => {
    const connection = {
      ...{ id: `${peer}-${at}`, status: 'open' },
      remoteAddr: multiaddr(`/ip4/45.0.0.${at}/tcp/4801`),
    } as unknown as Connection
    const detail = {
      ...{ connection, peerId: peer, protocols: [PROTOCOLS.dialBack] },
      observedAddr: multiaddr(`/ip4/${ip}/tcp/4001`),
    } as unknown as IdentifyResult
    events.dispatchEvent(new CustomEvent('peer:identify', { detail }))
    return connection
  }

  it('is what most of them say', () => {
    report('liar', '44.0.0.66', 1)
    report('one', '44.0.0.9', 2)
    report('other', '44.0.0.9', 3)
    expect(testers.seenAt()).toEqual(['44.0.0.9', '44.0.0.66'])
    expect(changes).toBe(3)
  })

  it('is what a peer that the operator named says, however many say something else', () => {
    for (let at = 1; at <= 5; at += 1) report(`liar ${at}`, '44.0.0.66', at)
    const connection = report(BOOTSTRAP, '44.0.0.9', 6)
    expect(testers.seenAt()).toEqual(['44.0.0.9', '44.0.0.66'])
    events.dispatchEvent(new CustomEvent('connection:close', { detail: connection }))
    expect(testers.seenAt()).toEqual(['44.0.0.66'])
  })

  it('is not what a peer on the same machine or behind the same router says', () => {
    const own = {
      ...{ id: 'own', status: 'open', remoteAddr: multiaddr('/ip4/44.0.0.3/tcp/4801') },
    } as unknown as Connection
    const detail = {
      ...{ connection: own, peerId: 'own', protocols: [] },
      observedAddr: multiaddr('/ip4/44.0.0.66/tcp/4001'),
    } as unknown as IdentifyResult
    events.dispatchEvent(new CustomEvent('peer:identify', { detail }))
    expect(testers.seenAt()).toEqual([])
  })
})
