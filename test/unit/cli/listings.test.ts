import { describe, expect, it } from 'vitest'
import { onlyModel } from '../../../cli/choose-model.ts'
import { renderModels } from '../../../cli/commands/models.ts'
import { renderPeers } from '../../../cli/commands/peers.ts'
import { renderStatus } from '../../../cli/commands/status.ts'
import { chosenModels } from '../../../cli/engine/index.ts'
import { relayingLines } from '../../../cli/relay-options.ts'
import type { StatusReport } from '../../../cli/status-file.ts'
import { UsageError } from '../../../cli/usage-error.ts'

const MODEL = {
  id: 'llama3.2:3b',
  aliases: ['llama'],
  digests: [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`],
  capabilities: ['chat', 'completion'] as const,
  contextLength: 8192,
  peers: ['p', 'q'],
}

describe('tables', () => {
  it('show a name that is served with different weights', () => {
    expect(renderModels([MODEL])).toBe(
      'MODEL               PEERS  CONTEXT  CAN              WEIGHTS\n' +
        'llama3.2:3b, llama  2      8192     chat completion  sha256:aaaaaaaaaaaa, sha256:bbbbbbbbbbbb\n',
    )
  })

  it('keep a hostile name from steering the terminal', () => {
    expect(renderModels([{ ...MODEL, id: 'x\u001b[2J\ny' }])).toContain('\nx y, llama')
  })

  it('tell peers that answer from those that do not', () => {
    const claims = {
      ...{ operator: '', slots: 2, prefillRate: 0, decodeRate: 0, models: ['m'] },
      reachability: 'relayed' as const,
    }
    const load = {
      state: 'ready',
      inFlight: 1,
      slots: 2,
      queueDepth: 0,
      expectedTtftMs: 5,
    } as const
    const table = renderPeers([
      { ...claims, peerId: 'alive', expired: false, state: 'ready', load, rttMs: 1.25 },
      { ...claims, peerId: 'silent', expired: false },
      { ...claims, peerId: 'old', expired: true },
    ])
    expect(table).toMatch(/^alive +ready +1\/2 +0 +1\.3 ms +relayed/m)
    expect(table).toMatch(/^silent +unreachable/m)
    expect(table).toMatch(/^old +gone\?/m)
  })

  it('tell a peer that runs from one that died', () => {
    const report = {
      role: 'node',
      pid: 7,
      peerId: 'p',
      startedAtMs: 1_000,
      writtenAtMs: 2_000,
      addresses: ['/ip4/127.0.0.1/tcp/1'],
      connections: 3,
      bootstrap: [{ address: '/ip4/1.2.3.4/tcp/1', status: 'waiting', lastError: 'refused' }],
      knownPeers: 2,
      swarm: 'public',
      models: ['m'],
    } as const
    expect(renderStatus({ dataDir: '/d', liveness: 'running', report }, 11_000)).toContain(
      'running for 10 s (process 7)',
    )
    const silent = renderStatus({ dataDir: '/d', liveness: 'silent', report }, 11_000)
    expect(silent).toContain('has not reported for 9 s')
    const dead = renderStatus({ dataDir: '/d', liveness: 'ended', report }, 11_000)
    expect(dead).toContain('not running')
    expect(dead).not.toContain('relay')
    expect(dead).not.toMatch(/listens|connected|load|serves/)
  })

  it('do not call models served whose engine does not answer, nor a gateway reachable or not', () => {
    const report = {
      ...{ role: 'node', pid: 7, peerId: 'p', startedAtMs: 1_000, writtenAtMs: 2_000 },
      ...{ addresses: [], connections: 1, bootstrap: [], knownPeers: 1, swarm: 'public' },
      ...{ models: ['m'], reachability: 'unknown' },
    } as const
    const load = { inFlight: 0, slots: 2, queueDepth: 0, expectedTtftMs: 5 }
    const shown = (more: object): string =>
      renderStatus(
        { dataDir: '/d', liveness: 'running', report: { ...report, ...more } as StatusReport },
        3_000,
      )
    const gone = shown({ load: { ...load, state: 'loading' } })
    expect(gone).toMatch(/serves +m, once its engine answers/)
    expect(gone).toMatch(/engine +does not answer/)
    const ready = shown({ load: { ...load, state: 'ready' } })
    expect(ready).toMatch(/serves +m\n/)
    expect(ready).not.toContain('engine')
    expect(ready).toContain('connected  to 1 peer, knows 1 node\n')
    expect(ready).toContain('reached')
    expect(shown({ role: 'gateway' })).not.toContain('reached')
  })

  it('show what a peer relays, and the relays it is reached through', () => {
    const use = {
      ...{ reservations: 3, maxReservations: 512, circuits: 2, refused: 1 },
      ...{ bytes: 5_242_880, bytesPerSecondLimit: 16_777_216 },
    }
    const held = [{ relay: '12D3KooRelay', addresses: [], expiresAtMs: 0 }]
    expect(relayingLines({ use, held: [] })).toEqual([
      '  relays     for 3 of 512 peers, 2 connections open, 5.0 MiB passed on (at most 16 MiB a second), 1 refused',
    ])
    expect(relayingLines({ held })).toEqual(['  reached    through relay 12D3KooRelay'])
  })
})

describe('choosing', () => {
  const models = [{ id: 'a:1b' }, { id: 'b' }, { id: 'c' }]

  it('shares models chosen by number or name, and none without a choice', () => {
    expect(chosenModels('1, C', models)).toEqual(['a:1b', 'c'])
    expect(chosenModels('all', models)).toEqual(['a:1b', 'b', 'c'])
    expect(() => chosenModels(' ', models)).toThrow(UsageError)
    expect(() => chosenModels('9', models)).toThrow("no model '9'")
  })

  it('uses the only model, and names the flag that chooses among several', () => {
    expect(onlyModel([{ id: 'a' }])).toBe('a')
    expect(() => onlyModel(models)).toThrow('--model')
  })
})
